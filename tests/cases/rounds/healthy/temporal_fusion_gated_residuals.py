"""Forecaster of gated residual networks with variable selection and static context."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h4_temporal_fus')


def F(r, *shape):
    return r.normal(size=shape).astype('float32')


def I(r, high, *shape, low=0):
    return r.integers(low, high, size=shape).astype('int32')


def B(r, *shape):
    return r.integers(0, 2, size=shape).astype('float32')


@reg
class GRN(L.Layer):
    def __init__(self, units, **kw):
        super().__init__(**kw)
        self.units = units
        self.skip, self.a, self.b = (L.Dense(units, name=k) for k in ('skip', 'a', 'b'))
        self.glu, self.norm = L.Dense(2 * units, name='glu'), L.LayerNormalization(name='norm')

    def build(self, shape):
        inner = tuple(shape[:-1]) + (self.units,)
        self.skip.build(shape)
        self.a.build(shape)
        for layer in (self.b, self.glu, self.norm):
            layer.build(inner)

    def call(self, x):
        value, gate = ops.split(self.glu(self.b(ops.elu(self.a(x)))), 2, axis=-1)
        return self.norm(self.skip(x) + value * ops.sigmoid(gate))

    def compute_output_shape(self, s):
        return tuple(s[:-1]) + (self.units,)

    def get_config(self):
        return {**super().get_config(), 'units': self.units}


def build():
    keras.utils.set_random_seed(6)
    past, store = keras.Input((10, 3), name='past'), keras.Input((), dtype='int32', name='store')
    s = L.Embedding(6, 4, name='stores')(store)
    x = L.Concatenate()([past, L.RepeatVector(10)(s)])
    weights = L.Softmax(name='selection')(L.Dense(7, name='select')(x))
    x = GRN(8, name='grn1')(L.Multiply()([x, weights]))
    x = L.LSTM(8, name='lstm')(x, initial_state=[L.Dense(8, 'tanh', name='h0')(s), L.Dense(8, name='c0')(s)])
    m = keras.Model({'past': past, 'store': store}, L.Dense(4, name='horizon')(GRN(8, name='grn2')(x)))
    m.compile('adam', 'huber')
    return m


def sample():
    r = np.random.default_rng(6)
    return {'past': F(r, 9, 10, 3), 'store': I(r, 6, 9), 'y': F(r, 9, 4)}


NOTES = dict(family='forecasting', why_hard='gates, selection by softmax, categories that set the initial state', legit_nongradient=[])
