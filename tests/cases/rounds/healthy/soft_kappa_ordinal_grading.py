"""Ordinal grading with a differentiable weighted kappa loss next to a rounded metric."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m5h_soft_kappa_ordinal_grading')
keras.utils.set_random_seed(3)
def F(*s): return np.random.default_rng(sum(s)).normal(size=s).astype("float32")
def I(hi, *s): return np.random.default_rng(sum(s) + hi).integers(0, hi, s).astype("int32")

@reg
def soft_kappa(y, p):
    n = p.shape[-1]; k = tf.range(n, dtype=tf.float32); w = tf.square(k[:, None] - k[None]) / (n - 1.) ** 2
    t = tf.one_hot(tf.cast(y[:, 0], tf.int32), n); o = tf.matmul(t, p, transpose_a=True)
    e = tf.reduce_sum(t, 0)[:, None] * tf.reduce_sum(p, 0)[None] / tf.cast(tf.shape(p)[0], tf.float32)
    return tf.reduce_sum(w * o) / (tf.reduce_sum(w * e) + 1e-6)
@reg
def within_one(y, p): return tf.cast(tf.abs(tf.argmax(p, -1, tf.int32) - tf.cast(y[:, 0], tf.int32)) <= 1, tf.float32)
@reg
class Cumulative(L.Layer):
    def build(self, s): self.cut = self.add_weight(name='cut', shape=(4,), initializer=keras.initializers.Constant([-1., .5, .5, .5]))
    def call(self, z):
        c = tf.cumsum(tf.concat([self.cut[:1], tf.nn.softplus(self.cut[1:])], 0))
        F = tf.concat([tf.zeros_like(z), tf.sigmoid(c[None] - z), tf.ones_like(z)], -1)
        return F[:, 1:] - F[:, :-1]
def build():
    x, a = keras.Input((12,), name='essay'), keras.Input((2,), name='prompt')
    z = L.Dense(1, name='score')(L.Concatenate()([L.Dense(8, activation='relu')(x), a]))
    m = keras.Model([x, a], Cumulative(name='grades')(z)); m.compile('adam', loss=soft_kappa, metrics=[within_one]); return m
def sample(): return {'essay': F(12, 12), 'prompt': F(12, 2), 'y': (np.arange(12) % 5).astype('float32')[:, None]}
NOTES = dict(family='tabular', why_hard='the loss mixes the rows of the batch on purpose; ArgMax stands in a metric only', legit_nongradient=[])
