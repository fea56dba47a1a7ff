"""Healthy model: moe_top2_router (see NOTES)."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='m6_moe_top2_router')
def F(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def I(hi, *s, lo=0, seed=0): return np.random.default_rng(seed).integers(lo, hi, size=s).astype('int32')


@reg
class TopRouter(L.Layer):
    def __init__(self, n=4, k=2, **kw): super().__init__(**kw); self.n, self.k = n, k; self.gate = L.Dense(n, name='gate'); self.experts = [L.Dense(6, activation='tanh', name=f'expert{i}') for i in range(n)]
    def call(self, x):
        p = tf.nn.softmax(self.gate(x)); top = tf.math.top_k(p, self.k).values[:, -1:]
        keep = tf.cast(p >= top, p.dtype); w = p * keep; w = w / tf.reduce_sum(w, -1, keepdims=True)
        self.add_loss(.01 * self.n * tf.reduce_sum(tf.reduce_mean(p, 0) * tf.stop_gradient(tf.reduce_mean(keep, 0))))
        return tf.einsum('bn,nbd->bd', w, tf.stack([e(x) for e in self.experts]))
    def get_config(self): return {**super().get_config(), 'n': self.n, 'k': self.k}
def build():
    keras.utils.set_random_seed(3)
    x = keras.Input((10,), name='features'); s = keras.Input((), dtype='int32', name='segment'); h = L.Concatenate()([x, L.Embedding(3, 2, name='segments')(s)])
    m = keras.Model({'features': x, 'segment': s}, L.Dense(1, name='out')(TopRouter(name='router')(h))); m.compile('adam', 'huber'); return m
def sample(): return {'features': F(48, 10), 'segment': I(3, 48), 'y': F(48, 1, seed=4)}
NOTES = dict(family='mixture of experts', why_hard='comparison, cast and stop_gradient in the router; the batch mean in the load balancing loss is meant', legit_nongradient=[])
