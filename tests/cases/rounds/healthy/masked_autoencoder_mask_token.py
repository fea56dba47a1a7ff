"""Masked patches are replaced by a learned token; the loss counts masked patches only."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m5h_masked_autoencoder_mask_token')
keras.utils.set_random_seed(3)
def F(*s): return np.random.default_rng(sum(s)).normal(size=s).astype("float32")
def I(hi, *s): return np.random.default_rng(sum(s) + hi).integers(0, hi, s).astype("int32")

@reg
class MaskToken(L.Layer):
    def build(self, x_shape, m_shape): self.token = self.add_weight(name='token', shape=(x_shape[-1],), initializer='random_normal')
    def call(self, x, m): return tf.where(m[..., None] > .5, self.token, x)
@reg
class Pos(L.Layer):
    def build(self, s): self.p = self.add_weight(name='p', shape=s[1:], initializer='random_normal')
    def call(self, x): return x + self.p
@reg
def masked_mse(y, p):
    m = y[..., -1]; e = tf.reduce_mean(tf.square(y[..., :-1] - p), -1); return tf.reduce_sum(m * e, -1) / (tf.reduce_sum(m, -1) + 1e-6)
def build():
    x, m = keras.Input((9, 12), name='patches'), keras.Input((9,), name='mask')
    h = Pos(name='pos')(MaskToken(name='mask_token')(L.Dense(8, name='embed')(x), m))
    a = L.MultiHeadAttention(2, 4)(h, h); h = L.LayerNormalization()(h + a)
    mo = keras.Model({'patches': x, 'mask': m}, L.Dense(12, name='decode')(h)); mo.compile('adam', loss=masked_mse); return mo
def sample():
    x = F(6, 9, 12); m = (np.random.default_rng(2).random((6, 9)) > .5).astype('float32'); return {'patches': x, 'mask': m, 'y': np.concatenate([x, m[..., None]], -1)}
NOTES = dict(family='vision', why_hard='the mask has no gradient (a comparison); masked patches get a zero gradient; labels have one more column', legit_nongradient=[dict(what='mask', kind='input', category='nondifferentiable_op', reason='a mask, only compared'), dict(what='key/bias', kind='variable', category='zero_gradient', reason='a shift of all keys cancels in the softmax')])
