"""Neural additive model: a small network per column, exponential units clipped to 0..1."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_additive_model_exp_units')


def N(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def U(lo, hi, *s, seed=0): return np.random.default_rng(seed).uniform(lo, hi, s).astype('float32')
def I(hi, *s, seed=0, lo=0): return np.random.default_rng(seed).integers(lo, hi, s).astype('int32')


@reg
class ExU(L.Layer):
    def __init__(self, units=16, **kw):
        super().__init__(**kw)
        self.units = units

    def build(self, s):
        self.w = self.add_weight(name='w', shape=(1, self.units), initializer=keras.initializers.RandomNormal(0.5, 0.3, seed=9))
        self.b = self.add_weight(name='b', shape=(self.units,), initializer=keras.initializers.RandomUniform(-1.5, 1.5, seed=10))

    def call(self, x): return tf.clip_by_value((x - self.b) * tf.exp(self.w), 0.0, 1.0)

    def get_config(self): return {**super().get_config(), 'units': self.units}


@reg
class Column(L.Layer):
    def __init__(self, i=0, **kw):
        super().__init__(**kw)
        self.i = i

    def call(self, x): return x[:, self.i:self.i + 1]

    def get_config(self): return {**super().get_config(), 'i': self.i}


def build():
    keras.utils.set_random_seed(17)
    x = keras.Input((4,), name='columns')
    parts = [L.Dense(1, use_bias=False, name=f'shape{i}')(ExU(name=f'exu{i}')(Column(i, name=f'col{i}')(x))) for i in range(4)]
    m = keras.Model(x, L.Dense(1, activation='sigmoid', name='risk')(L.Add(name='total')(parts)))
    m.compile('adam', 'binary_crossentropy')
    return m


def sample(): return {'columns': N(24, 4), 'y': I(2, 24, 1, seed=1).astype('float32')}


NOTES = dict(family='tabular', why_hard='clipped units: each is silent for many rows, none for all', legit_nongradient=[])
