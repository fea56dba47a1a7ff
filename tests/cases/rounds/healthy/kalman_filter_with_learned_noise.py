"""Tracker: an unrolled Kalman filter with learned transition and noise."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_kalman_filter_with_learned_noise')


def N(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def U(lo, hi, *s, seed=0): return np.random.default_rng(seed).uniform(lo, hi, s).astype('float32')
def I(hi, *s, seed=0, lo=0): return np.random.default_rng(seed).integers(lo, hi, s).astype('int32')


@reg
class Kalman(L.Layer):
    def build(self, s):
        self.a = self.add_weight(name='a', shape=(2, 2), initializer=keras.initializers.Identity(gain=0.9))
        self.log_q = self.add_weight(name='log_q', shape=(2,), initializer=keras.initializers.Constant(-2.0))
        self.log_r = self.add_weight(name='log_r', shape=(2,), initializer=keras.initializers.Constant(-1.0))

    def call(self, z):
        n = tf.shape(z)[0]
        x, p = tf.zeros([n, 2, 1]), tf.eye(2, batch_shape=[n])
        q, r = tf.linalg.diag(tf.exp(self.log_q)), tf.linalg.diag(tf.exp(self.log_r))
        out = []
        for t in range(z.shape[1]):
            x = tf.linalg.matmul(tf.broadcast_to(self.a, [n, 2, 2]), x)
            p = self.a @ p @ tf.transpose(self.a) + q
            k = tf.linalg.matrix_transpose(tf.linalg.solve(p + r, p))
            x = x + k @ (z[:, t, :, None] - x)
            p = (tf.eye(2) - k) @ p
            out.append(x[..., 0])
        return tf.stack(out, 1)


def build():
    keras.utils.set_random_seed(7)
    img = keras.Input((6, 9), name='measurements')
    z = L.Dense(2, name='observe')(L.Dense(8, activation='tanh', name='enc')(img))
    m = keras.Model(img, Kalman(name='filter')(z))
    m.compile('adam', 'mse')
    return m


def sample(): return {'measurements': N(5, 6, 9), 'y': N(5, 6, 2, seed=1)}


NOTES = dict(family='state space', why_hard='zero initial state, linear solves, unrolled over time', legit_nongradient=[])
