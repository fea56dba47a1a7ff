"""Axial attention: rows and columns are folded into the batch axis and unfolded again."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m5h_axial_attention_folds_axes_into_batch')
keras.utils.set_random_seed(3)
def F(*s): return np.random.default_rng(sum(s)).normal(size=s).astype("float32")
def I(hi, *s): return np.random.default_rng(sum(s) + hi).integers(0, hi, s).astype("int32")

@reg
class Axial(L.Layer):
    def __init__(self, axis=1, **kw):
        super().__init__(**kw); self.axis = axis; self.mha = L.MultiHeadAttention(2, 3, name='mha')
    def get_config(self): return {**super().get_config(), 'axis': self.axis}
    def build(self, s): self.mha.build((None, s[2], s[3]), (None, s[2], s[3]))
    def call(self, x):
        h, w, c = x.shape[1:]
        y = tf.transpose(x, (0, 2, 1, 3)) if self.axis == 1 else x
        n, m = (w, h) if self.axis == 1 else (h, w)
        z = tf.reshape(y, (-1, m, c)); z = tf.reshape(self.mha(z, z), (-1, n, m, c))
        return x + (tf.transpose(z, (0, 2, 1, 3)) if self.axis == 1 else z)
def build():
    x, d = keras.Input((5, 6, 3), name='tile'), keras.Input((), dtype='int32', name='month')
    h = L.Dense(6)(x) + L.Reshape((1, 1, 6))(L.Embedding(12, 6)(d)); h = L.LayerNormalization()(Axial(2, name='cols')(Axial(1, name='rows')(h)))
    m = keras.Model({'tile': x, 'month': d}, L.Dense(2, name='flow')(h)); m.compile('adam', loss='mae'); return m
def sample(): return {'tile': F(4, 5, 6, 3), 'month': I(12, 4), 'y': F(4, 5, 6, 2)}
NOTES = dict(family='remote sensing', why_hard='reshapes and transposes through the batch axis without mixing rows', legit_nongradient=[dict(what='key/bias', kind='variable', category='zero_gradient', reason='a shift of all keys cancels in the softmax')])
