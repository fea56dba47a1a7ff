"""Hypernetwork that generates the weights of a small layer per row from a task vector."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h_hyper')


@reg
class Generated(L.Layer):
    def __init__(self, units, **kw):
        super().__init__(**kw)
        self.units = units

    def call(self, inputs):
        x, theta = inputs
        n = x.shape[-1]
        w = ops.reshape(theta[:, :n * self.units], (-1, n, self.units))
        return ops.tanh(ops.einsum('bn,bnu->bu', x, w) + theta[:, n * self.units:])

    def compute_output_shape(self, shapes):
        return (shapes[0][0], self.units)

    def get_config(self):
        return {**super().get_config(), 'units': self.units}


def build():
    keras.utils.set_random_seed(16)
    robot, joint = keras.Input((3,), name='robot'), keras.Input((5,), name='joint')
    h = L.Dense(8, activation='relu', name='hyper_fc')(robot)
    h = L.Dense(5 * 6 + 6, kernel_initializer=keras.initializers.VarianceScaling(0.1), name='hyper_out')(h)
    x = Generated(6, name='policy')([joint, h])
    m = keras.Model([robot, joint], L.Dense(2, name='torque')(x))
    m.compile('adam', 'huber')
    return m


def sample():
    r = np.random.default_rng(15)
    return {'robot': r.normal(size=(7, 3)).astype('float32'), 'joint': r.normal(size=(7, 5)).astype('float32'), 'y': r.normal(size=(7, 2)).astype('float32')}


NOTES = dict(family='robotics', why_hard='weights are activations: a layer without variables holds the weights of every row', legit_nongradient=[])
