"""Recurrent cell with an external memory, written and read by content."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_memory_machine_content_addressing')


def N(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def U(lo, hi, *s, seed=0): return np.random.default_rng(seed).uniform(lo, hi, s).astype('float32')
def I(hi, *s, seed=0, lo=0): return np.random.default_rng(seed).integers(lo, hi, s).astype('int32')


@reg
class MemoryCell(L.Layer):
    def __init__(self, units=8, slots=5, width=6, **kw):
        super().__init__(**kw)
        self.units, self.slots, self.width = units, slots, width
        self.state_size = [units, slots * width]
        self.output_size = units + width
        self.ctrl = L.Dense(units, activation='tanh', name='ctrl')
        self.head = L.Dense(3 * width + 1, name='head')

    def build(self, s):
        self.ctrl.build((None, s[-1] + self.units))
        self.head.build((None, self.units))

    def address(self, key, beta, mem):
        k = tf.math.l2_normalize(key, -1, epsilon=1e-6)[:, None]
        m = tf.math.l2_normalize(mem, -1, epsilon=1e-6)
        return tf.nn.softmax(beta * tf.reduce_sum(k * m, -1) + 0.5 * tf.cast(tf.range(self.slots), 'float32') / self.slots)

    def call(self, x, states):
        h, mem = states
        mem = tf.reshape(mem, [-1, self.slots, self.width])
        h = self.ctrl(tf.concat([x, h], -1))
        key, erase, add, beta = tf.split(self.head(h), [self.width] * 3 + [1], -1)
        w = self.address(key, 1.0 + tf.nn.softplus(beta), mem)[..., None]
        mem = mem * (1 - w * tf.sigmoid(erase)[:, None]) + w * tf.tanh(add)[:, None]
        w = self.address(key, 1.0 + tf.nn.softplus(beta), mem)[..., None]
        return tf.concat([h, tf.reduce_sum(w * mem, 1)], -1), [h, tf.reshape(mem, [-1, self.slots * self.width])]

    def get_config(self): return {**super().get_config(), 'units': self.units, 'slots': self.slots, 'width': self.width}


def build():
    keras.utils.set_random_seed(4)
    x = keras.Input((7, 3), name='sequence')
    m = keras.Model(x, L.Dense(3, name='recall')(L.RNN(MemoryCell(name='cell'), return_sequences=True, name='machine')(x)))
    m.compile('adam', 'mse')
    return m


def sample(): return {'sequence': N(5, 7, 3), 'y': N(5, 7, 3, seed=1)}


NOTES = dict(family='memory', why_hard='memory starts at zero (norms of zero vectors), gates, split heads', legit_nongradient=[])
