"""Quantization-aware training: rounding with a custom straight-through gradient and learned step sizes (LSQ)."""
import numpy as np
import tensorflow as tf
import keras


@tf.custom_gradient
def round_through(x):
    return tf.round(x), lambda g: g


@keras.saving.register_keras_serializable('s3h')
class QuantDense(keras.layers.Layer):
    def __init__(self, units, bits=4, **kwargs):
        super().__init__(**kwargs)
        self.units, self.bits = units, bits

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), initializer='glorot_uniform', name='kernel')
        self.bias = self.add_weight(shape=(self.units,), initializer='zeros', name='bias')
        self.step_size = self.add_weight(shape=(), initializer=keras.initializers.Constant(0.1), name='step')

    def call(self, x):
        top = 2.0 ** (self.bits - 1)
        q = round_through(tf.clip_by_value(self.kernel / self.step_size, -top, top - 1)) * self.step_size
        return tf.matmul(x, q) + self.bias

    def get_config(self):
        return {**super().get_config(), 'units': self.units, 'bits': self.bits}


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((8,), name='x')
    h = keras.layers.ReLU(max_value=6.0)(QuantDense(16, name='q0')(x))
    return {'net': keras.Model(x, QuantDense(3, name='q1')(h), name='net'), 'opt': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'x': r.normal(size=(16, 8)).astype('float32'), 'y': r.integers(0, 3, 16)}


def models(built):
    return [built['net']]


def step(built, sample):
    net = built['net']
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], net(sample['x'], training=True)))
    built['opt'].apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
    return loss
