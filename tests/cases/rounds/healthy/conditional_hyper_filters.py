"""Healthy model: conditional_hyper_filters (see NOTES)."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='m6_conditional_hyper_filters')
def F(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def I(hi, *s, lo=0, seed=0): return np.random.default_rng(seed).integers(lo, hi, size=s).astype('int32')


@reg
class PerSampleDense(L.Layer):
    def __init__(self, u, **kw): super().__init__(**kw); self.u = u
    def build(self, x_shape, c_shape): self.d = x_shape[-1]; self.gen = L.Dense(self.d * self.u, kernel_initializer=keras.initializers.RandomNormal(stddev=.05, seed=7), name='gen'); self.gen.build(c_shape); self.b = self.add_weight(name='b', shape=(self.u,), initializer='zeros')
    def call(self, x, c): return ops.einsum('btd,bdu->btu', x, ops.reshape(self.gen(c), (-1, self.d, self.u))) + self.b
    def get_config(self): return {**super().get_config(), 'u': self.u}
def build():
    keras.utils.set_random_seed(17)
    x = keras.Input((10, 4), name='track'); c = keras.Input((3,), name='sensor'); h = L.Activation('silu')(PerSampleDense(6, name='hyper')(x, L.Dense(5, activation='tanh', name='ctx')(c)))
    m = keras.Model({'track': x, 'sensor': c}, L.Dense(2, name='out')(h)); m.compile('adam', 'mse'); return m
def sample(): return {'track': F(10, 10, 4), 'sensor': F(10, 3, seed=1), 'y': F(10, 10, 2, seed=2)}
NOTES = dict(family='hypernetwork', why_hard='weights are generated per sample and never stored in a variable', legit_nongradient=[])
