"""Latent queries read a padded sequence under a keras mask, True where valid."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m5h_perceiver_pool_with_padding_mask')
keras.utils.set_random_seed(3)
def F(*s): return np.random.default_rng(sum(s)).normal(size=s).astype("float32")
def I(hi, *s): return np.random.default_rng(sum(s) + hi).integers(0, hi, s).astype("int32")

@reg
class Latents(L.Layer):
    def __init__(self, n=3, dim=8, **kw):
        super().__init__(**kw); self.n, self.dim = n, dim; self.mha = L.MultiHeadAttention(2, 4, name='mha')
    def get_config(self): return {**super().get_config(), 'n': self.n, 'dim': self.dim}
    def build(self, x_shape, valid_shape): self.z = self.add_weight(name='z', shape=(1, self.n, self.dim), initializer='random_normal'); self.mha.build((None, self.n, self.dim), x_shape)
    def call(self, x, valid): q = tf.tile(self.z, (tf.shape(x)[0], 1, 1)); return q + self.mha(q, x, attention_mask=valid[:, None])
def build():
    x, n = keras.Input((9, 4), name='track'), keras.Input((1,), dtype='int32', name='len')
    h = Latents(3, 8, name='read')(L.Dense(8)(x), ops.less(ops.expand_dims(ops.arange(9, dtype='int32'), 0), n))
    h = L.Dense(6, activation='silu')(L.Flatten()(h)); m = keras.Model({'track': x, 'len': n}, [L.Dense(2, name='xy')(h), L.Dense(1, activation='sigmoid', name='stops')(h)])
    m.compile('adam', loss=['mse', 'binary_crossentropy']); return m
def sample(): return {'track': F(6, 9, 4), 'len': np.array([3, 9, 5, 1, 7, 4], 'int32')[:, None], 'y:xy': F(6, 2), 'y:stops': I(2, 6, 1).astype('float32')}
NOTES = dict(family='trajectories', why_hard='padded steps get no gradient; lengths are compared only; key bias has a zero gradient in exact arithmetic', legit_nongradient=[dict(what='mha/key/bias', kind='variable', category='zero_gradient', reason='a shift of all keys cancels in the softmax')])
