"""Teacher-forced probabilistic forecaster with a Student-t head and a scale by item."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h4_deepar_teach')


def F(r, *shape):
    return r.normal(size=shape).astype('float32')


def I(r, high, *shape, low=0):
    return r.integers(low, high, size=shape).astype('int32')


def B(r, *shape):
    return r.integers(0, 2, size=shape).astype('float32')


@reg
class StudentNLL(keras.losses.Loss):
    def call(self, y, p):
        mu, s, v = p[..., 0:1], ops.softplus(p[..., 1:2]) + 1e-3, 2.0 + ops.softplus(p[..., 2:3])
        z = (y - mu) / s
        return tf.math.lgamma(v / 2) - tf.math.lgamma((v + 1) / 2) + 0.5 * ops.log(v * np.pi) + ops.log(s) + 0.5 * (v + 1) * ops.log1p(z * z / v)


def build():
    keras.utils.set_random_seed(17)
    lagged, item, known = keras.Input((12, 1), name='lagged'), keras.Input((), dtype='int32', name='item'), keras.Input((12, 2), name='calendar')
    e = L.RepeatVector(12)(L.Embedding(9, 3, name='items')(item))
    x = L.Concatenate()([lagged, known, e])
    x = L.GRU(8, return_sequences=True, name='g1')(x)
    x = L.Add()([x, L.GRU(8, return_sequences=True, name='g2')(x)])
    m = keras.Model({'lagged': lagged, 'item': item, 'calendar': known}, L.Dense(3, name='student')(x))
    m.compile('adam', StudentNLL(name='nll'))
    return m


def sample():
    r = np.random.default_rng(17)
    s = F(r, 8, 13, 1)
    return {'lagged': s[:, :-1], 'item': I(r, 9, 8), 'calendar': F(r, 8, 12, 2), 'y': s[:, 1:]}


NOTES = dict(family='probabilistic', why_hard='label of one value for three parameters; next step is predicted from lagged values (no leak)', legit_nongradient=[])
