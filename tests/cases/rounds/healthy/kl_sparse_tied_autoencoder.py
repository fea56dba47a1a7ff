"""Autoencoder with a KL sparsity penalty on mean activations and a transposed, shared kernel."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m5h_kl_sparse_tied_autoencoder')
keras.utils.set_random_seed(3)
def F(*s): return np.random.default_rng(sum(s)).normal(size=s).astype("float32")
def I(hi, *s): return np.random.default_rng(sum(s) + hi).integers(0, hi, s).astype("int32")

@reg
class TiedSparse(L.Layer):
    def __init__(self, units=6, rho=.1, **kw):
        super().__init__(**kw); self.units, self.rho = units, rho
    def get_config(self): return {**super().get_config(), 'units': self.units, 'rho': self.rho}
    def build(self, s):
        self.w = self.add_weight(name='w', shape=(s[-1], self.units)); self.b = self.add_weight(name='b', shape=(self.units,), initializer='zeros'); self.c = self.add_weight(name='c', shape=(s[-1],), initializer='zeros')
    def call(self, x):
        h = tf.sigmoid(tf.matmul(x, self.w) + self.b); r = tf.clip_by_value(tf.reduce_mean(h, 0), 1e-4, 1 - 1e-4)
        self.add_loss(1e-2 * tf.reduce_sum(self.rho * tf.math.log(self.rho / r) + (1 - self.rho) * tf.math.log((1 - self.rho) / (1 - r))))
        return tf.matmul(h, self.w, transpose_b=True) + self.c
def build():
    x = keras.Input((14,), name='log_counts'); h = L.Dense(12, activation='tanh', activity_regularizer=keras.regularizers.L2(1e-3))(x)
    m = keras.Model(x, L.Dense(14)(TiedSparse(6, name='code')(h))); m.compile('adam', loss='mse'); return m
def sample(): x = F(10, 14); return {'log_counts': x, 'y': x}
NOTES = dict(family='genomics', why_hard='batch mean in a penalty (not a leak of outputs), clip, logarithms, kernel used twice', legit_nongradient=[])
