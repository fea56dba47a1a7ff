"""A correct model: continuous-time model."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='healthy_neural_ode_shared_field')


def R():
    return np.random.default_rng(0)


@reg
class Euler(L.Layer):
    def __init__(self, steps=12, **kw):
        super().__init__(**kw)
        self.steps = steps

    def get_config(self):
        return {**super().get_config(), 'steps': self.steps}

    def build(self, z_shape, dt_shape):
        self.field = keras.Sequential([L.Dense(10, activation='tanh'), L.Dense(z_shape[-1])], name='field')
        self.field.build((None, z_shape[-1] + 1))

    def call(self, z, dt):
        h = dt / self.steps
        for i in range(self.steps):
            z = z + h * self.field(tf.concat([z, i * h], -1))
        return z


def build():
    keras.utils.set_random_seed(7)
    x, dt = keras.Input((6, 2), name='past'), keras.Input((1,), name='horizon')
    z = Euler(name='ode')(L.LSTM(4, name='enc')(x), dt)
    m = keras.Model({'past': x, 'horizon': dt}, L.Dense(2)(z))
    m.compile(optimizer='adam', loss='mse')
    return m


def sample():
    r = R()
    return {'past': r.normal(size=(8, 6, 2)).astype('float32'), 'horizon': r.uniform(0.2, 1, (8, 1)).astype('float32'),
            'y': r.normal(size=(8, 2)).astype('float32')}


NOTES = dict(family='continuous-time model', why_hard='one dynamics sub-model called twelve times in a Python loop', legit_nongradient=[])
