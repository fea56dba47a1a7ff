"""Healthy model: disjoint_graph_offsets_mean_readout (see NOTES)."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='m6_disjoint_graph_offsets_mean_readout')
def F(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def I(hi, *s, lo=0, seed=0): return np.random.default_rng(seed).integers(lo, hi, size=s).astype('int32')


@reg
class Conv(L.Layer):
    def __init__(self, u, **kw): super().__init__(**kw); self.u = u; self.a = L.Dense(u, name='self'); self.b = L.Dense(u, use_bias=False, name='neigh')
    def call(self, x, e):
        n, b = x.shape[1], tf.shape(x)[0]; f = tf.reshape(x, (-1, x.shape[-1])); e = tf.reshape(e + (n * tf.range(b))[:, None, None], (-1, 2))
        g = tf.math.unsorted_segment_mean(tf.gather(self.b(f), e[:, 0]), e[:, 1], n * b); return tf.reshape(tf.nn.elu(self.a(f) + g), (-1, n, self.u))
    def get_config(self): return {**super().get_config(), 'u': self.u}
def build():
    keras.utils.set_random_seed(5)
    x = keras.Input((6, 3), name='nodes'); e = keras.Input((8, 2), dtype='int32', name='edges'); h = Conv(6, name='g1')(x, e); h = Conv(6, name='g2')(h, e)
    m = keras.Model({'nodes': x, 'edges': e}, L.Dense(1, activation='sigmoid', name='toxic')(ops.mean(h, 1))); m.compile('adam', 'binary_crossentropy'); return m
def sample(): return {'nodes': F(8, 6, 3), 'edges': I(6, 8, 8, 2, seed=1), 'y': I(2, 8, 1, seed=2).astype('float32')}
NOTES = dict(family='graph', why_hard='the batch is folded into one node list, gathered and unfolded again: rows stay apart', legit_nongradient=[dict(what='edges', kind='input', category='disconnected_input', reason='indices')])
