"""Recurrent network whose transition is orthogonal by the Cayley transform, started at the identity."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_cayley_orthogonal_recurrence')


def N(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def U(lo, hi, *s, seed=0): return np.random.default_rng(seed).uniform(lo, hi, s).astype('float32')
def I(hi, *s, seed=0, lo=0): return np.random.default_rng(seed).integers(lo, hi, s).astype('int32')


@reg
class CayleyRNN(L.Layer):
    def __init__(self, units=6, **kw):
        super().__init__(**kw)
        self.units = units

    def build(self, s):
        self.skew = self.add_weight(name='skew', shape=(self.units, self.units), initializer='zeros')
        self.inp = self.add_weight(name='inp', shape=(s[-1], self.units), initializer=keras.initializers.GlorotUniform(seed=3))
        self.bias = self.add_weight(name='bias', shape=(self.units,), initializer=keras.initializers.Constant(-0.05))

    def call(self, x):
        a = self.skew - tf.transpose(self.skew)
        w = tf.linalg.solve(tf.eye(self.units) + a, tf.eye(self.units) - a)
        h = tf.zeros([tf.shape(x)[0], self.units])
        for t in range(x.shape[1]):
            z = h @ w + x[:, t] @ self.inp
            h = tf.sign(z) * tf.nn.relu(tf.abs(z) + self.bias)
        return h

    def get_config(self): return {**super().get_config(), 'units': self.units}


def build():
    keras.utils.set_random_seed(9)
    x = keras.Input((8, 3), name='signal')
    m = keras.Model(x, L.Dense(3, activation='softmax', name='gesture')(CayleyRNN(name='rnn')(x)))
    m.compile('adam', 'sparse_categorical_crossentropy')
    return m


def sample(): return {'signal': N(10, 8, 3), 'y': I(3, 10)}


NOTES = dict(family='recurrent', why_hard='zero-initialised skew matrix (gradient is not zero), modReLU with Sign (its zero gradient is meant)', legit_nongradient=[])
