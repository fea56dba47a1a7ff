"""Per-row Gaussian process regression on learned features, with noise on the diagonal."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_deep_kernel_regression_of_sets')


def N(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def U(lo, hi, *s, seed=0): return np.random.default_rng(seed).uniform(lo, hi, s).astype('float32')
def I(hi, *s, seed=0, lo=0): return np.random.default_rng(seed).integers(lo, hi, s).astype('int32')


@reg
class GPMean(L.Layer):
    def build(self, s):
        self.log_len = self.add_weight(name='log_len', shape=(), initializer='zeros')
        self.log_noise = self.add_weight(name='log_noise', shape=(), initializer=keras.initializers.Constant(-1.5))

    def k(self, a, b):
        d = tf.reduce_sum(tf.square(a[:, :, None] - b[:, None]), -1)
        return tf.exp(-0.5 * d * tf.exp(-2.0 * self.log_len))

    def call(self, a, ya, b):
        kaa = self.k(a, a) + (tf.exp(self.log_noise) + 1e-4) * tf.eye(a.shape[1])
        chol = tf.linalg.cholesky(kaa)
        return tf.matmul(self.k(b, a), tf.linalg.cholesky_solve(chol, ya))


def build():
    keras.utils.set_random_seed(8)
    a, ya, b = keras.Input((6, 3), name='x_context'), keras.Input((6, 1), name='y_context'), keras.Input((4, 3), name='x_target')
    f = keras.Sequential([keras.Input((None, 3)), L.Dense(12, activation='tanh'), L.Dense(2, use_bias=False)], name='features')
    m = keras.Model({'x_context': a, 'y_context': ya, 'x_target': b}, GPMean(name='gp')(f(a), ya, f(b)))
    m.compile('adam', 'mse')
    return m


def sample():
    x = N(5, 6, 3)
    x[1, 2] = x[1, 4]
    return {'x_context': x, 'y_context': N(5, 6, 1, seed=1), 'x_target': N(5, 4, 3, seed=2), 'y': N(5, 4, 1, seed=3)}


NOTES = dict(family='gaussian process', why_hard='equal points in a set; Cholesky; the last bias would cancel, so there is none', legit_nongradient=[])
