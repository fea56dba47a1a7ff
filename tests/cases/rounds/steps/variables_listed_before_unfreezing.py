"""Fine-tuning: the list of variables is taken while the backbone is still frozen, and kept."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(13)
    x = keras.Input((8, 8, 3), name='pixels')
    h = keras.layers.Conv2D(8, 3, activation='relu', name='conv_a')(x)
    h = keras.layers.Conv2D(12, 3, activation='relu', name='conv_b')(h)
    backbone = keras.Model(x, keras.layers.GlobalAveragePooling2D(name='gap')(h), name='backbone')
    image = keras.Input((8, 8, 3), name='image')
    out = keras.layers.Dense(5, name='head')(backbone(image))
    model = keras.Model(image, out, name='finetuned')
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(model.trainable_variables)
    backbone.trainable = False
    return {'model': model, 'backbone': backbone, 'optimizer': optimizer}


def sample():
    r = np.random.default_rng(13)
    return {'image': r.uniform(size=(8, 8, 8, 3)).astype('float32'), 'y': r.integers(0, 5, 8).astype('int32')}


def models(built):
    return [built['model']]


class GradualUnfreezing:
    def __init__(self, backbone, at_epoch):
        self.backbone, self.at_epoch = backbone, at_epoch

    def on_epoch_begin(self, epoch):
        if epoch >= self.at_epoch:
            self.backbone.trainable = True


class Finetuner:
    def __init__(self, model, backbone, optimizer, callbacks=()):
        self.model, self.optimizer, self.callbacks = model, optimizer, callbacks
        self.criterion = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.weights = model.trainable_variables

    def train_step(self, x, y):
        with tf.GradientTape() as tape:
            loss = self.criterion(y, self.model(x, training=True))
        gradients = tape.gradient(loss, self.weights)
        self.optimizer.apply_gradients(zip(gradients, self.weights))
        return loss

    def fit(self, x, y, epochs):
        for epoch in range(epochs):
            for callback in self.callbacks:
                callback.on_epoch_begin(epoch)
            loss = self.train_step(x, y)
        return loss


class MendedFinetuner(Finetuner):
    def train_step(self, x, y):
        self.weights = self.model.trainable_variables
        return super().train_step(x, y)


def step(built, sample):
    callbacks = [GradualUnfreezing(built['backbone'], at_epoch=1)]
    return Finetuner(callbacks=callbacks, **built).fit(sample['image'], sample['y'], epochs=3)


def fixed_step(built, sample):
    callbacks = [GradualUnfreezing(built['backbone'], at_epoch=1)]
    return MendedFinetuner(callbacks=callbacks, **built).fit(sample['image'], sample['y'], epochs=3)


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/47906',
    'title': 'Setting trainable = True in a callback does not take effect',
    'source_kind': 'variant', 'category': 'frozen',
    'culprit': {'input': None, 'variable': 'conv_a/kernel', 'layer': None, 'op': None, 'line': 'self.weights = model.trainable_variables'},
    'why': 'The kept list has only the head: the unfrozen backbone never gets an update.',
    'fix': 'Ask the model for its trainable variables in each step.',
    'also': [{'input': None, 'variable': 'conv_', 'layer': None, 'op': None, 'line': 'gradients = tape.gradient(loss, self.weights)'},
             {'input': None, 'variable': 'conv_', 'layer': None, 'op': None, 'line': 'self.backbone.trainable = True'},
             {'input': None, 'variable': 'conv_', 'layer': 'backbone', 'op': None, 'line': None},
             {'input': None, 'variable': 'conv_', 'layer': None, 'op': None, 'line': 'self.optimizer.apply_gradients(zip(gradients, self.weights))'}],
}
