"""Insurance premium: Tweedie deviance with many zero claims, exposure as an offset."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_tweedie_premium_with_exposure')


def N(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def U(lo, hi, *s, seed=0): return np.random.default_rng(seed).uniform(lo, hi, s).astype('float32')
def I(hi, *s, seed=0, lo=0): return np.random.default_rng(seed).integers(lo, hi, s).astype('int32')


@reg
def tweedie(y, mu, p=1.5):
    return -y * tf.pow(mu, 1 - p) / (1 - p) + tf.pow(mu, 2 - p) / (2 - p)


@reg
class Offset(L.Layer):
    def call(self, eta, exposure): return tf.exp(eta) * exposure + 1e-6


def build():
    keras.utils.set_random_seed(18)
    x, car, expo = keras.Input((5,), name='driver'), keras.Input((), dtype='int32', name='car'), keras.Input((1,), name='exposure')
    h = L.Concatenate()([L.Dense(8, activation='tanh', name='fc')(x), L.Embedding(9, 3, name='cars')(car)])
    eta = L.Dense(1, name='log_rate')(L.Dense(6, activation='tanh', name='fc2')(h))
    m = keras.Model({'driver': x, 'car': car, 'exposure': expo}, Offset(name='premium')(eta, expo))
    m.compile('adam', tweedie)
    return m


def sample():
    r = np.random.default_rng(0)
    y = (r.gamma(2.0, 1.0, (20, 1)) * (r.random((20, 1)) < 0.25)).astype('float32')
    return {'driver': N(20, 5), 'car': I(9, 20), 'exposure': U(0.1, 1.0, 20, 1), 'y': y}


NOTES = dict(family='insurance', why_hard='labels mostly 0, powers of the prediction, a multiplicative side input', legit_nongradient=[])
