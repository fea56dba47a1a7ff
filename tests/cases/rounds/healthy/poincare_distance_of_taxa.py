"""Hyperbolic embedding with a distance that is safe at zero; pairs may be equal."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_poincare_distance_of_taxa')


def N(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def U(lo, hi, *s, seed=0): return np.random.default_rng(seed).uniform(lo, hi, s).astype('float32')
def I(hi, *s, seed=0, lo=0): return np.random.default_rng(seed).integers(lo, hi, s).astype('int32')


@reg
class Poincare(L.Layer):
    def build(self, s):
        self.scale = self.add_weight(name='scale', shape=(), initializer='ones')

    def ball(self, v): return v / (1.0 + tf.sqrt(1.0 + tf.reduce_sum(v * v, -1, keepdims=True)))

    def call(self, a, b):
        a, b = self.ball(a), self.ball(b)
        d = tf.reduce_sum(tf.square(a - b), -1, keepdims=True)
        den = (1 - tf.reduce_sum(a * a, -1, keepdims=True)) * (1 - tf.reduce_sum(b * b, -1, keepdims=True))
        return tf.math.softplus(self.scale) * tf.math.acosh(1.0 + 2.0 * d / den + 1e-4)


def build():
    keras.utils.set_random_seed(2)
    a, b = keras.Input((), dtype='int32', name='child'), keras.Input((), dtype='int32', name='parent')
    e = L.Embedding(20, 4, embeddings_initializer=keras.initializers.RandomNormal(stddev=0.3, seed=2), name='taxa')
    d = Poincare(name='distance')(e(a), e(b))
    m = keras.Model({'child': a, 'parent': b}, L.Dense(1, activation='sigmoid', name='is_a')(d))
    m.compile('adam', 'binary_crossentropy')
    return m


def sample():
    a, b = I(20, 16), I(20, 16, seed=1)
    b[3] = a[3]
    return {'child': a, 'parent': b, 'y': I(2, 16, 1, seed=2).astype('float32')}


NOTES = dict(family='geometry', why_hard='acosh near 1; a pair of equal items; one shared table', legit_nongradient=[])
