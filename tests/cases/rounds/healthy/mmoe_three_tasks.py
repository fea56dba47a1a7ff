"""Multi-gate mixture of experts with three tasks of different losses."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h4_mmoe_three_t')


def F(r, *shape):
    return r.normal(size=shape).astype('float32')


def I(r, high, *shape, low=0):
    return r.integers(low, high, size=shape).astype('int32')


def B(r, *shape):
    return r.integers(0, 2, size=shape).astype('float32')


@reg
class Mix(L.Layer):
    def call(self, gate, experts):
        return ops.einsum('be,bed->bd', gate, experts)

    def compute_output_shape(self, gate_shape, experts_shape):
        return (experts_shape[0], experts_shape[2])


@reg
class Stack(L.Layer):
    def call(self, xs):
        return ops.stack(xs, axis=1)


def build():
    keras.utils.set_random_seed(11)
    x, seg = keras.Input((8,), name='features'), keras.Input((), dtype='int32', name='segment')
    h = L.Concatenate()([x, L.Embedding(5, 3, name='segments')(seg)])
    experts = Stack(name='experts')([L.Dense(6, activation='gelu', name=f'expert{k}')(h) for k in range(3)])
    out = {}
    for task, act in (('buy', 'sigmoid'), ('spend', 'softplus'), ('channel', 'softmax')):
        gate = L.Dense(3, activation='softmax', name=task + '_gate')(h)
        out[task] = L.Dense(4 if task == 'channel' else 1, activation=act, name=task)(Mix(name=task + '_mix')(gate, experts))
    m = keras.Model({'features': x, 'segment': seg}, out)
    m.compile('adam', {'buy': 'binary_crossentropy', 'spend': 'poisson', 'channel': 'sparse_categorical_crossentropy'})
    return m


def sample():
    r = np.random.default_rng(11)
    return {'features': F(r, 16, 8), 'segment': I(r, 5, 16), 'y:buy': B(r, 16, 1), 'y:spend': r.poisson(2.0, (16, 1)).astype('float32'), 'y:channel': I(r, 4, 16)}


NOTES = dict(family='multi-task', why_hard='gates by softmax, three losses, experts shared by all tasks', legit_nongradient=[])
