"""Healthy model: realnvp_coupling_flow (see NOTES)."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='m6_realnvp_coupling_flow')
def F(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def I(hi, *s, lo=0, seed=0): return np.random.default_rng(seed).integers(lo, hi, size=s).astype('int32')


@reg
class Coupling(L.Layer):
    def __init__(self, parity, **kw): super().__init__(**kw); self.parity = parity; self.h = L.Dense(16, activation='tanh', name='h'); self.o = L.Dense(8, name='o')
    def call(self, x):
        m = tf.constant([(i + self.parity) % 2 for i in range(4)], x.dtype); s, t = tf.split(self.o(self.h(x * m)), 2, -1)
        s = tf.tanh(s) * (1 - m); return x * m + (1 - m) * (x * tf.exp(s) + t), tf.reduce_sum(s, -1)
    def get_config(self): return {**super().get_config(), 'parity': self.parity}
@reg
class Flow(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean(.5 * ops.sum(ops.square(y_pred['z']), -1) - y_pred['logdet'])
def build():
    keras.utils.set_random_seed(6)
    x = keras.Input((4,), name='x'); h, d = x, 0.
    for i in range(4): h, s = Coupling(i, name=f'coupling{i}')(h); d = d + s
    m = Flow({'x': x}, {'z': h, 'logdet': d}); m.compile('adam'); return m
def sample(): return {'x': F(32, 4)}
NOTES = dict(family='probabilistic', why_hard='half of each layer is masked away, no labels, own compute_loss', legit_nongradient=[])
