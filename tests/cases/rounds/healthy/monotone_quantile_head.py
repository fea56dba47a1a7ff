"""Healthy model: monotone_quantile_head (see NOTES)."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='m6_monotone_quantile_head')
def F(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def I(hi, *s, lo=0, seed=0): return np.random.default_rng(seed).integers(lo, hi, size=s).astype('int32')


@reg
class Quantiles(L.Layer):
    def call(self, h): return ops.cumsum(ops.concatenate([h[:, :1], ops.softplus(h[:, 1:])], -1), -1)
@reg
def pinball(y, q): e = y - q; t = tf.constant([.1, .5, .9]); return tf.reduce_mean(tf.maximum(t * e, (t - 1) * e), -1)
def build():
    keras.utils.set_random_seed(14)
    x = keras.Input((24, 2), name='load'); f = keras.Input((24, 1), name='weather'); s = keras.Input((), dtype='int32', name='site')
    h = L.GRU(8, name='past')(x); w = L.GlobalAveragePooling1D()(L.Conv1D(4, 3, padding='causal', activation='relu', name='fc')(f)); e = L.Embedding(4, 3, name='site_table')(s)
    m = keras.Model({'load': x, 'weather': f, 'site': s}, Quantiles(name='quantiles')(L.Dense(3, name='raw')(L.Concatenate()([h, w, e])))); m.compile('adam', pinball); return m
def sample(): return {'load': F(16, 24, 2), 'weather': F(16, 24, 1, seed=1), 'site': I(4, 16), 'y': F(16, 1, seed=2)}
NOTES = dict(family='time series', why_hard='labels of one column against three quantiles: the broadcast is meant; cumsum along the last axis', legit_nongradient=[])
