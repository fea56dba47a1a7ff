"""Forecaster with learned periodic functions of time and a seasonal residual."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_time2vec_calendar_forecaster')


def N(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def U(lo, hi, *s, seed=0): return np.random.default_rng(seed).uniform(lo, hi, s).astype('float32')
def I(hi, *s, seed=0, lo=0): return np.random.default_rng(seed).integers(lo, hi, s).astype('int32')


@reg
class Time2Vec(L.Layer):
    def __init__(self, k=5, **kw):
        super().__init__(**kw)
        self.k = k

    def build(self, s):
        self.w = self.add_weight(name='w', shape=(1, self.k), initializer=keras.initializers.RandomUniform(0.2, 2.0, seed=5))
        self.b = self.add_weight(name='b', shape=(self.k,), initializer=keras.initializers.RandomUniform(0, 3, seed=6))
        self.trend = self.add_weight(name='trend', shape=(1, 1), initializer='zeros')

    def call(self, t): return tf.concat([t * self.trend[0], tf.sin(t * self.w[0] + self.b)], -1)

    def get_config(self): return {**super().get_config(), 'k': self.k}


def build():
    keras.utils.set_random_seed(15)
    v, t, tf_ = keras.Input((12, 2), name='values'), keras.Input((12, 1), name='time'), keras.Input((4, 1), name='future_time')
    t2v = Time2Vec(name='t2v')
    enc = L.GRU(8, name='enc')(L.Concatenate()([v, t2v(t)]))
    dec = L.GRU(8, return_sequences=True, name='dec')(t2v(tf_), initial_state=enc)
    last = L.Cropping1D((8, 0), name='season')(v)
    m = keras.Model({'values': v, 'time': t, 'future_time': tf_}, L.Add(name='forecast')([L.Dense(2, name='change')(dec), last]))
    m.compile('adam', 'mse')
    return m


def sample():
    t = np.tile(np.arange(16, dtype='float32')[None, :, None] / 4.0, (6, 1, 1))
    return {'values': N(6, 12, 2), 'time': t[:, :12], 'future_time': t[:, 12:], 'y': N(6, 4, 2, seed=1)}


NOTES = dict(family='time series', why_hard='time inputs equal in all rows; a zero-initialised trend; a skip of raw values to the output', legit_nongradient=['time', 'future_time'])
