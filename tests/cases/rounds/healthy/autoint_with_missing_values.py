"""Self-attention over feature fields; missing numbers are replaced by a learned token."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h4_autoint_with')


def F(r, *shape):
    return r.normal(size=shape).astype('float32')


def I(r, high, *shape, low=0):
    return r.integers(low, high, size=shape).astype('int32')


def B(r, *shape):
    return r.integers(0, 2, size=shape).astype('float32')


@reg
class NumberTokens(L.Layer):
    def __init__(self, width, **kw):
        super().__init__(**kw)
        self.width = width

    def build(self, shape):
        for k in ('scale', 'offset', 'absent'):
            setattr(self, k, self.add_weight(name=k, shape=(shape[1], self.width), initializer='uniform'))

    def call(self, x):
        gone = ops.isnan(x)
        value = ops.where(gone, 0.0, x)[..., None] * self.scale + self.offset
        return ops.where(gone[..., None], self.absent, value)

    def compute_output_shape(self, s):
        return (s[0], s[1], self.width)

    def get_config(self):
        return {**super().get_config(), 'width': self.width}


def build():
    keras.utils.set_random_seed(12)
    lab, ward = keras.Input((5,), name='lab'), keras.Input((1,), dtype='int32', name='ward')
    t = L.Concatenate(axis=1)([NumberTokens(8, name='numbers')(lab), L.Embedding(6, 8, name='wards')(ward)])
    for k in range(2):
        t = L.LayerNormalization(name=f'norm{k}')(L.Add()([t, L.MultiHeadAttention(2, 4, use_bias=False, name=f'att{k}')(t, t)]))
    m = keras.Model({'lab': lab, 'ward': ward}, L.Dense(1, activation='sigmoid', name='sepsis')(L.Flatten()(t)))
    m.compile('adam', 'binary_crossentropy')
    return m


def sample():
    r = np.random.default_rng(12)
    lab = F(r, 14, 5)
    lab[r.random((14, 5)) < 0.3] = np.nan
    return {'lab': lab, 'ward': I(r, 6, 14, 1), 'y': B(r, 14, 1)}


NOTES = dict(family='tabular', why_hard='NaN in the input is meant (missing) and is replaced before any arithmetic', legit_nongradient=[])
