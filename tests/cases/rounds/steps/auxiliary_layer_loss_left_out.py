"""A layer adds the loss of its own decoder with add_loss; the hand-written loop never reads the losses of the model."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable('fresh_s7')
class Rebuild(keras.layers.Layer):
    def __init__(self, width, weight=0.1, **kwargs):
        super().__init__(**kwargs)
        self.width, self.weight = width, weight
        self.decode = keras.layers.Dense(width, name='decode')

    def build(self, shapes):
        self.decode.build(shapes[0])

    def call(self, inputs):
        code, original = inputs
        self.add_loss(self.weight * keras.ops.mean(keras.ops.square(self.decode(code) - original)))
        return code

    def get_config(self):
        return {**super().get_config(), 'width': self.width, 'weight': self.weight}


def build():
    keras.utils.set_random_seed(0)
    spectrum = keras.Input((16,), name='spectrum')
    code = keras.layers.Dense(5, 'tanh', name='encode')(spectrum)
    code = Rebuild(16, name='rebuild')([code, spectrum])
    net = keras.Model(spectrum, keras.layers.Dense(1, name='concentration')(code), name='spectrometer')
    net.compile(keras.optimizers.Adam(1e-3), 'mse')
    return net


def sample():
    r = np.random.default_rng(0)
    return {'spectrum': r.normal(size=(8, 16)).astype('float32'), 'y': r.normal(size=(8, 1)).astype('float32')}


def models(built):
    return [built]


MSE = keras.losses.MeanSquaredError()


def step(built, sample):
    with tf.GradientTape() as tape:
        predicted = built(sample['spectrum'], training=True)
        loss = MSE(sample['y'], predicted)
    gradients = tape.gradient(loss, built.trainable_variables)
    built.optimizer.apply_gradients((g, v) for g, v in zip(gradients, built.trainable_variables) if g is not None)
    return {'loss': loss}


def fixed_step(built, sample):
    with tf.GradientTape() as tape:
        guess = built(sample['spectrum'], training=True)
        loss = MSE(sample['y'], guess) + tf.add_n(built.losses)
    weights = built.trainable_variables
    built.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'loss': loss}


EXPECT = {
    'source': 'https://github.com/hunglc007/tensorflow-yolov4-tflite/issues/369',
    'title': 'Unused kernel regularizers during training (the loss is put together by hand under a tape)',
    'source_kind': 'variant',
    'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'decode/kernel', 'layer': 'rebuild', 'op': None, 'line': "loss = MSE(sample['y'], predicted)"},
    'why': 'Only compile and fit add the losses of layers by themselves; here the decoder has no way to the loss.',
    'fix': 'Add sum(model.losses) to the loss.',
}
EXPECT['also'] = [
    {'variable': 'decode', 'layer': None, 'line': "loss = MSE(sample['y'], predicted)"},
    {'variable': 'decode', 'layer': None, 'line': "predicted = built(sample['spectrum'], training=True)"},
    {'variable': 'decode', 'layer': None, 'line': 'self.add_loss('},
    {'variable': None, 'layer': None, 'line': "loss = MSE(sample['y'], predicted)"},
    {'variable': 'decode', 'layer': None, 'line': 'if g is not None'},
]
