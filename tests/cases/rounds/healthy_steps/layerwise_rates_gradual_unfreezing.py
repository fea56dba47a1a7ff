"""Fine-tuning: own callbacks unfreeze the encoder, two optimizers by groups, the stem stays frozen, variables asked anew."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(119)
    x = keras.Input((8, 8, 3), name='x')
    h = keras.layers.Conv2D(8, 3, activation='relu', name='stem')(x)
    h = keras.layers.Conv2D(8, 3, activation='relu', name='block')(h)
    encoder = keras.Model(x, keras.layers.GlobalAveragePooling2D(name='gap')(h), name='encoder')
    image = keras.Input((8, 8, 3), name='image')
    model = keras.Model(image, keras.layers.Dense(3, name='head')(encoder(image)), name='finetuned')
    slow, fast = keras.optimizers.SGD(1e-2), keras.optimizers.Adam(1e-2)
    encoder.get_layer('stem').trainable = False
    slow.build(encoder.get_layer('block').trainable_variables)
    encoder.get_layer('block').trainable = False
    return {'model': model, 'encoder': encoder, 'slow': slow, 'fast': fast}


def sample():
    r = np.random.default_rng(119)
    return {'image': r.uniform(size=(6, 8, 8, 3)).astype('float32'), 'y': r.integers(0, 3, 6).astype('int32')}


def models(built):
    return [built['model']]


class Callback:
    def on_epoch_begin(self, epoch):
        pass

    def on_epoch_end(self, epoch, loss):
        pass


class Unfreeze(Callback):
    def __init__(self, layer, at):
        self.layer, self.at = layer, at

    def on_epoch_begin(self, epoch):
        self.layer.trainable = epoch >= self.at


class History(Callback):
    def __init__(self):
        self.values = []

    def on_epoch_end(self, epoch, loss):
        self.values.append(float(loss))


class Trainer:
    def __init__(self, model, encoder, slow, fast):
        self.model, self.encoder, self.slow, self.fast = model, encoder, slow, fast

    def groups(self):
        slow = self.encoder.trainable_variables
        ids = {id(v) for v in slow}
        return slow, [v for v in self.model.trainable_variables if id(v) not in ids]

    def train_step(self, x, y):
        slow, fast = self.groups()
        with tf.GradientTape() as tape:
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y, self.model(x, training=True))
        g_slow, g_fast = tape.gradient(loss, (slow, fast))
        if slow:
            self.slow.apply_gradients(zip(g_slow, slow))
        self.fast.apply_gradients(zip(g_fast, fast))
        return loss

    def fit(self, x, y, epochs, callbacks):
        for epoch in range(epochs):
            [c.on_epoch_begin(epoch) for c in callbacks]
            loss = self.train_step(x, y)
            [c.on_epoch_end(epoch, loss) for c in callbacks]
        return loss


def step(built, sample):
    callbacks = [Unfreeze(built['encoder'].get_layer('block'), at=1), History()]
    return Trainer(**built).fit(sample['image'], sample['y'], 3, callbacks)


NOTES = dict(family='fine-tuning', why_hard='frozen in the first epoch; two optimizers', legit_nongradient=[])
