"""Latent neural ODE with a fixed-step Runge-Kutta solver that uses the same dynamics many times."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h_ode')


@reg
class RK4(L.Layer):
    def __init__(self, dim, steps=4, **kw):
        super().__init__(**kw)
        self.dim, self.steps = dim, steps
        self.f1 = L.Dense(16, activation='tanh', name='f1')
        self.f2 = L.Dense(dim, name='f2')

    def build(self, shapes):
        self.f1.build((None, self.dim + 1))
        self.f2.build((None, 16))
        self.built = True

    def f(self, z, t):
        return self.f2(self.f1(ops.concatenate([z, t], axis=-1)))

    def call(self, inputs):
        z, span = inputs
        dt = span / self.steps
        t = ops.zeros_like(span)
        path = []
        for _ in range(self.steps):
            k1 = self.f(z, t)
            k2 = self.f(z + dt / 2 * k1, t + dt / 2)
            k3 = self.f(z + dt / 2 * k2, t + dt / 2)
            k4 = self.f(z + dt * k3, t + dt)
            z, t = z + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4), t + dt
            path.append(z)
        return ops.stack(path, axis=1)

    def compute_output_shape(self, shapes):
        return (shapes[0][0], self.steps, self.dim)

    def get_config(self):
        return {**super().get_config(), 'dim': self.dim, 'steps': self.steps}


def build():
    keras.utils.set_random_seed(3)
    state, span = keras.Input((3,), name='state'), keras.Input((1,), name='span')
    z = L.Dense(6, name='lift')(state)
    path = RK4(6, name='solver')([z, span])
    m = keras.Model([state, span], L.Dense(3, name='read')(path))
    m.compile('adam', 'mse')
    return m


def sample():
    r = np.random.default_rng(2)
    return {'state': r.normal(size=(6, 3)).astype('float32'), 'span': r.uniform(0.5, 1.5, (6, 1)).astype('float32'), 'y': r.normal(size=(6, 4, 3)).astype('float32')}


NOTES = dict(family='physics', why_hard='a loop shares two layers sixteen times; the time starts as constant zeros', legit_nongradient=[])
