"""Healthy model: masked_patch_autoencoder (see NOTES)."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='m6_masked_patch_autoencoder')
def F(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def I(hi, *s, lo=0, seed=0): return np.random.default_rng(seed).integers(lo, hi, size=s).astype('int32')


@reg
class MaskTokens(L.Layer):
    def build(self, h_shape, hidden_shape):
        self.token = self.add_weight(name='token', shape=(h_shape[-1],), initializer=keras.initializers.RandomNormal(stddev=.1, seed=5))
        self.pos = self.add_weight(name='pos', shape=h_shape[1:], initializer=keras.initializers.RandomNormal(stddev=.1, seed=8))
    def call(self, h, hidden): m = ops.cast(hidden, h.dtype)[..., None]; return h * (1 - m) + self.token * m + self.pos
@reg
class MAE(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        m = ops.cast(x['hidden'], 'float32'); e = ops.mean(ops.square(y - y_pred), -1); return ops.sum(e * m) / ops.maximum(ops.sum(m), 1.0)
def build():
    keras.utils.set_random_seed(4)
    p = keras.Input((12, 5), name='patches'); k = keras.Input((12,), dtype='bool', name='hidden')
    h = MaskTokens(name='mask_tokens')(L.Dense(8, name='embed')(p), k)
    a = L.MultiHeadAttention(2, 4, use_bias=False, name='mha')(h, h); h = L.LayerNormalization(name='ln')(h + a)
    m = MAE({'patches': p, 'hidden': k}, L.Dense(5, name='pixels')(h)); m.compile('adam'); return m
def sample(): x = F(8, 12, 5); return {'patches': x, 'hidden': np.random.default_rng(6).random((8, 12)) < .5, 'y': x}
NOTES = dict(family='self-supervised vision', why_hard='boolean input, loss on the hidden patches only, a token shared by the positions', legit_nongradient=[dict(what='hidden', kind='input', category='disconnected_input', reason='boolean mask')])
