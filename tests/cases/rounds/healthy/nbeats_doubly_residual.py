"""N-BEATS: each block subtracts a backcast; the last block has a forecast only."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h4_nbeats_doubl')


def F(r, *shape):
    return r.normal(size=shape).astype('float32')


def I(r, high, *shape, low=0):
    return r.integers(low, high, size=shape).astype('int32')


def B(r, *shape):
    return r.integers(0, 2, size=shape).astype('float32')


def build():
    keras.utils.set_random_seed(7)
    x = past = keras.Input((16,), name='past')
    forecasts = []
    for k in range(3):
        h = L.Dense(12, activation='relu', name=f'b{k}_fc')(x)
        h = L.Dense(12, activation='relu', name=f'b{k}_fc2')(h)
        forecasts.append(L.Dense(4, name=f'b{k}_forecast')(h))
        if k < 2:
            x = L.Subtract(name=f'b{k}_residual')([x, L.Dense(16, name=f'b{k}_backcast')(h)])
    m = keras.Model(past, L.Add(name='forecast')(forecasts))
    m.compile('adam', 'mae')
    return m


def sample():
    r = np.random.default_rng(7)
    return {'past': F(r, 12, 16), 'y': F(r, 12, 4)}


NOTES = dict(family='forecasting', why_hard='doubly residual, the stack of blocks sums its outputs, mae', legit_nongradient=[])
