"""Unrolled sparse coding (LISTA) with learned soft thresholds and shared dictionary."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h_lista')


@reg
class Lista(L.Layer):
    def __init__(self, atoms=12, steps=3, **kw):
        super().__init__(**kw)
        self.atoms, self.steps = atoms, steps

    def build(self, s):
        self.we = self.add_weight(shape=(s[-1], self.atoms), initializer='glorot_normal', name='we')
        self.ws = self.add_weight(shape=(self.atoms, self.atoms), initializer='orthogonal', name='ws')
        self.theta = self.add_weight(shape=(self.atoms,), initializer=keras.initializers.Constant(0.05), name='theta')
        self.built = True

    def shrink(self, v):
        return ops.sign(v) * ops.relu(ops.abs(v) - self.theta)

    def call(self, x):
        b = x @ self.we
        z = self.shrink(b)
        for _ in range(self.steps):
            z = self.shrink(b + 0.3 * z @ self.ws)
        return z

    def compute_output_shape(self, s):
        return (s[0], self.atoms)

    def get_config(self):
        return {**super().get_config(), 'atoms': self.atoms, 'steps': self.steps}


def build():
    keras.utils.set_random_seed(18)
    x = keras.Input((9,), name='measurement')
    z = Lista(name='lista')(x)
    m = keras.Model(x, {'image': L.Dense(9, use_bias=False, name='image')(z), 'code': L.Identity(name='code')(z)})
    m.compile('adam', {'image': 'mse', 'code': 'mae'})
    return m


def sample():
    r = np.random.default_rng(17)
    z = (r.uniform(size=(12, 12)) < 0.2) * r.normal(size=(12, 12))
    x = r.normal(size=(12, 9)).astype('float32')
    return {'measurement': x, 'y:image': x.copy(), 'y:code': z.astype('float32')}


NOTES = dict(family='inverse problems', why_hard='sign() on the way, whose gradient is zero, beside a path that carries it all', legit_nongradient=[])
