"""Rotary positions and a learned relative bias read by constant integer indices."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m5h_rotary_attention_relative_bias')
keras.utils.set_random_seed(3)
def F(*s): return np.random.default_rng(sum(s)).normal(size=s).astype("float32")
def I(hi, *s): return np.random.default_rng(sum(s) + hi).integers(0, hi, s).astype("int32")

@reg
class RotaryAttention(L.Layer):
    def __init__(self, dim=8, **kw):
        super().__init__(**kw); self.dim = dim; self.qkv = L.Dense(3 * dim, use_bias=False, name='qkv'); self.o = L.Dense(dim, name='o')
    def get_config(self): return {**super().get_config(), 'dim': self.dim}
    def build(self, s):
        self.qkv.build(s); self.o.build((None, None, self.dim)); self.rel = self.add_weight(name='rel', shape=(2 * s[1] - 1,), initializer='zeros')
    def rot(self, x):
        t, d = x.shape[1], self.dim // 2; a = np.arange(t)[:, None] * 100. ** (-np.arange(d) / d)[None]; c, s = np.cos(a).astype('float32'), np.sin(a).astype('float32')
        u, w = x[..., :d], x[..., d:]; return tf.concat([u * c - w * s, u * s + w * c], -1)
    def call(self, x):
        q, k, v = tf.split(self.qkv(x), 3, -1); t = x.shape[1]
        i = np.arange(t)[:, None] - np.arange(t)[None] + t - 1
        s = tf.matmul(self.rot(q), self.rot(k), transpose_b=True) / self.dim ** .5 + tf.gather(self.rel, i)
        return x + self.o(tf.matmul(tf.nn.softmax(s), v))
def build():
    n, v = keras.Input((8,), dtype='int32', name='notes'), keras.Input((8, 1), name='velocity')
    h = RotaryAttention(8, name='rot')(L.Embedding(16, 8)(n) + L.Dense(8)(v)); h = L.LayerNormalization()(h)
    m = keras.Model({'notes': n, 'velocity': v}, L.Dense(4, activation='softmax')(L.GlobalMaxPooling1D()(h))); m.compile('adam', loss='sparse_categorical_crossentropy'); return m
def sample(): return {'notes': I(16, 6, 8), 'velocity': F(6, 8, 1), 'y': I(4, 6)}
NOTES = dict(family='music', why_hard='zero-initialised bias table, constant sines, gather by constant indices', legit_nongradient=[])
