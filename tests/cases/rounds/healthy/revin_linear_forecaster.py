"""Reversible instance normalisation with detached statistics around a linear forecaster."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h4_revin_linear')


def F(r, *shape):
    return r.normal(size=shape).astype('float32')


def I(r, high, *shape, low=0):
    return r.integers(low, high, size=shape).astype('int32')


def B(r, *shape):
    return r.integers(0, 2, size=shape).astype('float32')


@reg
class RevIn(keras.Model):
    def __init__(self, horizon=5, **kw):
        super().__init__(**kw)
        self.horizon = horizon
        self.trend, self.season = L.Dense(horizon, name='trend'), L.Dense(horizon, name='season')

    def build(self, shape=None):
        self.gain = self.add_weight(name='gain', shape=(2,), initializer='ones')
        self.offset = self.add_weight(name='offset', shape=(2,), initializer='zeros')
        self.trend.build((None, 2, 20))
        self.season.build((None, 2, 20))
        self.built = True

    def call(self, x):
        mean = ops.stop_gradient(ops.mean(x, axis=1, keepdims=True))
        std = ops.stop_gradient(ops.std(x, axis=1, keepdims=True) + 1e-5)
        z = (x - mean) / std * self.gain + self.offset
        slow = ops.average_pool(ops.pad(z, [[0, 0], [2, 2], [0, 0]]), 5, strides=1)
        turn = lambda t: ops.transpose(t, (0, 2, 1))
        y = turn(self.trend(turn(slow)) + self.season(turn(z - slow)))
        return (y - self.offset) / self.gain * std + mean

    def get_config(self):
        return {**super().get_config(), 'horizon': self.horizon}


def build():
    keras.utils.set_random_seed(16)
    m = RevIn(name='revin')
    m.build()
    m.compile('adam', 'mse')
    m(sample()['series'])
    return m


def sample():
    r = np.random.default_rng(16)
    s = np.cumsum(r.normal(size=(9, 25, 2)), axis=1).astype('float32')
    return {'series': s[:, :20], 'y': s[:, 20:]}


NOTES = dict(family='forecasting', why_hard='statistics are detached as in the paper; subclassed model; affine is undone at the end', legit_nongradient=[])
