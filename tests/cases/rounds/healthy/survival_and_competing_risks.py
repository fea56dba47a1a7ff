"""Discrete hazards with cumulative products along time and competing risks."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m5h_survival_and_competing_risks')
keras.utils.set_random_seed(3)
def F(*s): return np.random.default_rng(sum(s)).normal(size=s).astype("float32")
def I(hi, *s): return np.random.default_rng(sum(s) + hi).integers(0, hi, s).astype("int32")

@reg
class Incidence(L.Layer):
    def call(self, logits):
        p = tf.nn.softmax(logits, -1); s = tf.math.cumprod(p[..., 0], axis=1, exclusive=True)
        return s[..., None] * p[..., 1:]
@reg
def nll(y, f): return -tf.math.log(tf.clip_by_value(tf.reduce_sum(y * f, (1, 2)) + (1 - tf.reduce_sum(y, (1, 2))) * (1 - tf.reduce_sum(f, (1, 2))), 1e-6, 1.))
def build():
    v, s = keras.Input((6, 4), name='visits'), keras.Input((3,), name='static')
    h = L.Concatenate()([L.GRU(7)(v), L.Dense(4, activation='relu')(s)])
    z = L.Reshape((8, 3))(L.Dense(24, kernel_initializer='he_uniform', name='causes')(h))
    m = keras.Model({'visits': v, 'static': s}, Incidence(name='cif')(z)); m.compile('adam', loss=nll); return m
def sample():
    r = np.random.default_rng(0); y = np.zeros((8, 8, 2), 'float32'); [y.__setitem__((i, r.integers(0, 8), r.integers(0, 2)), 1.) for i in range(6)]
    return {'visits': F(8, 6, 4), 'static': F(8, 3), 'y': y}
NOTES = dict(family='survival', why_hard='exclusive cumprod, censored rows with all-zero labels', legit_nongradient=[])
