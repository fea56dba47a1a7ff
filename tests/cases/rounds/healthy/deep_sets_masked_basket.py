"""Healthy model: deep_sets_masked_basket (see NOTES)."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='m6_deep_sets_masked_basket')
def F(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def I(hi, *s, lo=0, seed=0): return np.random.default_rng(seed).integers(lo, hi, size=s).astype('int32')


@reg
class MaskedSum(L.Layer):
    def __init__(self, **kw): super().__init__(**kw); self.supports_masking = True
    def call(self, h, mask=None): m = ops.cast(mask, h.dtype)[..., None]; return ops.sum(h * m, 1) / (ops.sum(m, 1) + 1e-6)
    def compute_mask(self, h, mask=None): return None
def build():
    keras.utils.set_random_seed(7)
    i = keras.Input((7,), dtype='int32', name='items'); q = keras.Input((), dtype='int32', name='candidate'); tab = L.Embedding(20, 8, mask_zero=True, name='items_table')
    s = MaskedSum(name='basket')(L.Dense(8, activation='relu', name='phi')(tab(i))); c = tab(q)
    m = keras.Model({'items': i, 'candidate': q}, L.Dense(1, activation='sigmoid', name='buy')(L.Concatenate()([s, c, s * c]))); m.compile('adam', 'binary_crossentropy'); return m
def sample():
    x = I(20, 10, 7, lo=1); n = I(7, 10, lo=0, seed=3); x[np.arange(7)[None] >= n[:, None]] = 0; return {'items': x, 'candidate': I(20, 10, lo=1, seed=4), 'y': I(2, 10, 1, seed=5).astype('float32')}
NOTES = dict(family='recommender', why_hard='padding, one empty basket, one table for two inputs', legit_nongradient=[])
