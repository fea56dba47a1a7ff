"""Masked transformer over sessions, some of them empty, with tied output table."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h4_bert4rec_wit')


def F(r, *shape):
    return r.normal(size=shape).astype('float32')


def I(r, high, *shape, low=0):
    return r.integers(low, high, size=shape).astype('int32')


def B(r, *shape):
    return r.integers(0, 2, size=shape).astype('float32')


@reg
class Block(L.Layer):
    def __init__(self, width, **kw):
        super().__init__(**kw)
        self.width = width
        self.att, self.n1, self.n2 = L.MultiHeadAttention(2, width // 2, use_bias=False, name='att'), L.LayerNormalization(name='n1'), L.LayerNormalization(name='n2')
        self.up, self.down = L.Dense(2 * width, 'gelu', name='up'), L.Dense(width, name='down')

    def build(self, x_shape, ids_shape):
        self.att.build(x_shape, x_shape)
        self.n1.build(x_shape)
        self.n2.build(x_shape)
        self.up.build(x_shape)
        self.down.build(tuple(x_shape[:-1]) + (2 * self.width,))

    def call(self, x, ids):
        see = ops.not_equal(ids, 0)[:, None, :]
        h = self.n1(x)
        x = x + self.att(h, h, attention_mask=see)
        return x + self.down(self.up(self.n2(x)))

    def compute_output_shape(self, x_shape, ids_shape):
        return x_shape

    def get_config(self):
        return {**super().get_config(), 'width': self.width}


@reg
class MeanOfReal(L.Layer):
    def call(self, x, ids):
        keep = ops.cast(ops.not_equal(ids, 0), x.dtype)[..., None]
        return ops.sum(x * keep, axis=1) / ops.maximum(ops.sum(keep, axis=1), 1.0)

    def compute_output_shape(self, x_shape, ids_shape):
        return (x_shape[0], x_shape[-1])


def build():
    keras.utils.set_random_seed(4)
    session = keras.Input((7,), dtype='int32', name='session')
    x = L.Embedding(30, 8, name='items')(session)
    for k in range(2):
        x = Block(8, name=f'block{k}')(x, session)
    m = keras.Model(session, L.Dense(30, activation='softmax', name='next_item')(MeanOfReal(name='pool')(x, session)))
    m.compile('adam', 'sparse_categorical_crossentropy')
    return m


def sample():
    r = np.random.default_rng(4)
    s = I(r, 30, 8, 7, low=1)
    for row, n in enumerate((7, 0, 3, 5, 0, 1, 7, 4)):
        s[row, n:] = 0
    return {'session': s, 'y': I(r, 30, 8)}


NOTES = dict(family='masks and padding', why_hard='rows that are nothing but padding, masks inside of attention, a guarded division', legit_nongradient=[])
