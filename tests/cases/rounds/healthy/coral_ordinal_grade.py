"""Ordinal grading of retina images: one shared score, ordered thresholds."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h4_coral_ordina')


def F(r, *shape):
    return r.normal(size=shape).astype('float32')


def I(r, high, *shape, low=0):
    return r.integers(low, high, size=shape).astype('int32')


def B(r, *shape):
    return r.integers(0, 2, size=shape).astype('float32')


@reg
class Thresholds(L.Layer):
    def __init__(self, levels, **kw):
        super().__init__(**kw)
        self.levels = levels

    def build(self, s):
        self.first = self.add_weight(name='first', shape=(1,), initializer=keras.initializers.Constant(-1.0))
        self.gaps = self.add_weight(name='gaps', shape=(self.levels - 2,), initializer='zeros')

    def call(self, score):
        cut = ops.concatenate([self.first, self.first + ops.cumsum(ops.softplus(self.gaps))], axis=0)
        return ops.sigmoid(score - cut)

    def compute_output_shape(self, s):
        return (s[0], self.levels - 1)

    def get_config(self):
        return {**super().get_config(), 'levels': self.levels}


def build():
    keras.utils.set_random_seed(15)
    eye = keras.Input((16, 16, 3), name='eye')
    h = L.SeparableConv2D(8, 3, strides=2, activation='swish', name='s1')(eye)
    h = L.GroupNormalization(4, name='gn')(L.SeparableConv2D(12, 3, strides=2, activation='swish', name='s2')(h))
    m = keras.Model(eye, Thresholds(5, name='grade')(L.Dense(1, use_bias=False, name='score')(L.GlobalAveragePooling2D()(h))))
    m.compile('adam', 'binary_crossentropy')
    return m


def sample():
    r = np.random.default_rng(15)
    grade = r.integers(0, 5, (8, 1))
    return {'eye': r.random((8, 16, 16, 3)).astype('float32'), 'y': (grade > np.arange(4)).astype('float32')}


NOTES = dict(family='medical imaging', why_hard='a score of one unit is broadcast against thresholds; gaps start at zero; no bias in the last layer', legit_nongradient=[])
