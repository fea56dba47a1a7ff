"""Deep equilibrium layer: a contraction iterated without gradient, then one step with it."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_deep_equilibrium_fixed_point')


def N(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def U(lo, hi, *s, seed=0): return np.random.default_rng(seed).uniform(lo, hi, s).astype('float32')
def I(hi, *s, seed=0, lo=0): return np.random.default_rng(seed).integers(lo, hi, s).astype('int32')


@reg
class Equilibrium(L.Layer):
    def __init__(self, units=10, steps=12, **kw):
        super().__init__(**kw)
        self.units, self.steps = units, steps

    def build(self, s):
        self.w = self.add_weight(name='w', shape=(self.units, self.units), initializer=keras.initializers.RandomNormal(stddev=0.1, seed=1))
        self.u = self.add_weight(name='u', shape=(s[-1], self.units), initializer=keras.initializers.GlorotUniform(seed=2))

    def cell(self, z, x): return tf.tanh(tf.matmul(z, self.w) + tf.matmul(x, self.u))

    def call(self, x):
        z = tf.zeros([tf.shape(x)[0], self.units])
        for _ in range(self.steps):
            z = self.cell(z, x)
        return self.cell(tf.stop_gradient(z), x)

    def get_config(self): return {**super().get_config(), 'units': self.units, 'steps': self.steps}


def build():
    keras.utils.set_random_seed(1)
    x = keras.Input((6,), name='x')
    m = keras.Model(x, L.Dense(2, name='out')(Equilibrium(name='deq')(x)))
    m.compile('adam', 'mse')
    return m


def sample(): return {'x': N(12, 6), 'y': N(12, 2, seed=1)}


NOTES = dict(family='implicit', why_hard='stop_gradient on the state is the phantom-gradient method; w and u still learn by the last step', legit_nongradient=[])
