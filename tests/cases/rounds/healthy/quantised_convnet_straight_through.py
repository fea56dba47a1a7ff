"""Quantisation-aware convnet: custom gradient for weights, straight-through for activations."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h4_quantised_co')


def F(r, *shape):
    return r.normal(size=shape).astype('float32')


def I(r, high, *shape, low=0):
    return r.integers(low, high, size=shape).astype('int32')


def B(r, *shape):
    return r.integers(0, 2, size=shape).astype('float32')


@tf.custom_gradient
def int4(w):
    scale = tf.reduce_max(tf.abs(w)) / 7.0
    return tf.round(w / scale) * scale, lambda g: g


@reg
def two_bits(x):
    c = tf.clip_by_value(x, 0.0, 3.0)
    return c + tf.stop_gradient(tf.round(c) - c)


@reg
class QConv(L.Layer):
    def __init__(self, filters, **kw):
        super().__init__(**kw)
        self.filters = filters

    def build(self, shape):
        self.kernel = self.add_weight(name='kernel', shape=(3, 3, shape[-1], self.filters), initializer='he_normal')
        self.bias = self.add_weight(name='bias', shape=(self.filters,), initializer=keras.initializers.Constant(0.4))

    def call(self, x):
        return tf.nn.conv2d(x, int4(tf.convert_to_tensor(self.kernel)), 2, 'SAME') + self.bias

    def compute_output_shape(self, s):
        return (s[0], -(-s[1] // 2), -(-s[2] // 2), self.filters)

    def get_config(self):
        return {**super().get_config(), 'filters': self.filters}


def build():
    keras.utils.set_random_seed(5)
    image = keras.Input((12, 12, 1), name='image')
    h = L.Activation(two_bits, name='q1')(QConv(6, name='c1')(image))
    h = L.Activation(two_bits, name='q2')(QConv(8, name='c2')(h))
    m = keras.Model(image, L.Dense(3, activation='softmax', name='cls')(L.GlobalAveragePooling2D()(h)))
    m.compile('adam', 'sparse_categorical_crossentropy')
    return m


def sample():
    r = np.random.default_rng(5)
    return {'image': r.random((8, 12, 12, 1)).astype('float32'), 'y': I(r, 3, 8)}


NOTES = dict(family='quantisation-aware', why_hard='round and stop_gradient on the way, both made straight-through', legit_nongradient=[])
