"""Deep and cross network with low-rank crosses and zero biases."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h4_dcn_v2_low_r')


def F(r, *shape):
    return r.normal(size=shape).astype('float32')


def I(r, high, *shape, low=0):
    return r.integers(low, high, size=shape).astype('int32')


def B(r, *shape):
    return r.integers(0, 2, size=shape).astype('float32')


@reg
class Cross(L.Layer):
    def __init__(self, rank, **kw):
        super().__init__(**kw)
        self.rank = rank

    def build(self, x0_shape, x_shape):
        self.down = self.add_weight(name='down', shape=(x_shape[-1], self.rank), initializer='glorot_uniform')
        self.up = self.add_weight(name='up', shape=(self.rank, x_shape[-1]), initializer='glorot_uniform')
        self.bias = self.add_weight(name='bias', shape=(x_shape[-1],), initializer='zeros')

    def call(self, x0, x):
        return x0 * (ops.matmul(ops.matmul(x, self.down), self.up) + self.bias) + x

    def compute_output_shape(self, x0_shape, x_shape):
        return x_shape

    def get_config(self):
        return {**super().get_config(), 'rank': self.rank}


def build():
    keras.utils.set_random_seed(2)
    price = keras.Input((3,), name='price')
    ids = {k: keras.Input((), dtype='int32', name=k) for k in ('brand', 'city')}
    x0 = L.Concatenate()([price, L.Embedding(20, 4, name='brands')(ids['brand']), L.Embedding(15, 4, name='cities')(ids['city'])])
    x = x0
    for k in range(3):
        x = Cross(3, name=f'cross{k}')(x0, x)
    deep = L.Dense(8, activation='relu', name='deep')(x0)
    m = keras.Model({'price': price, **ids}, L.Dense(1, activation='sigmoid', name='ctr')(L.Concatenate()([x, deep])))
    m.compile('adam', 'binary_crossentropy')
    return m


def sample():
    r = np.random.default_rng(2)
    return {'price': F(r, 20, 3), 'brand': I(r, 20, 20), 'city': I(r, 15, 20), 'y': B(r, 20, 1)}


NOTES = dict(family='recommender', why_hard='crosses multiply by the input, biases start at zero, ids are integers', legit_nongradient=[])
