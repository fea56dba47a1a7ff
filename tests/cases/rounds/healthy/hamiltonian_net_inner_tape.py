"""Healthy model: hamiltonian_net_inner_tape (see NOTES)."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='m6_hamiltonian_net_inner_tape')
def F(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def I(hi, *s, lo=0, seed=0): return np.random.default_rng(seed).integers(lo, hi, size=s).astype('int32')


@reg
class Dynamics(L.Layer):
    def __init__(self, **kw): super().__init__(**kw); self.a = L.Dense(24, activation='tanh', name='a'); self.b = L.Dense(24, activation='tanh', name='b'); self.c = L.Dense(1, use_bias=False, name='energy')
    def build(self, s): self.a.build(s); self.b.build((None, 24)); self.c.build((None, 24))
    def call(self, qp):
        with tf.GradientTape() as t: t.watch(qp); h = tf.reduce_sum(self.c(self.b(self.a(qp))))
        g = t.gradient(h, qp); return tf.concat([g[:, 2:], -g[:, :2]], -1)
    def compute_output_shape(self, s): return s
def build():
    keras.utils.set_random_seed(13)
    x = keras.Input((4,), name='state'); k1 = (d := Dynamics(name='dynamics'))(x); k2 = d(x + .05 * k1); m = keras.Model({'state': x}, x + .1 * k2); m.compile('adam', 'mse'); return m
def sample(): x = F(20, 4); return {'state': x, 'y': (x + .1 * np.concatenate([x[:, 2:], -x[:, :2]], 1)).astype('float32')}
NOTES = dict(family='physics', why_hard='a tape inside of call, second derivatives, one layer called twice (midpoint step)', legit_nongradient=[])
