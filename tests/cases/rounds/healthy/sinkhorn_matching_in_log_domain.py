"""Soft assignment of detections to tracks by Sinkhorn iterations in the log domain."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_sinkhorn_matching_in_log_domain')


def N(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def U(lo, hi, *s, seed=0): return np.random.default_rng(seed).uniform(lo, hi, s).astype('float32')
def I(hi, *s, seed=0, lo=0): return np.random.default_rng(seed).integers(lo, hi, s).astype('int32')


@reg
class Sinkhorn(L.Layer):
    def build(self, s):
        self.log_eps = self.add_weight(name='log_eps', shape=(), initializer=keras.initializers.Constant(-0.7))

    def call(self, a, b):
        p = tf.matmul(a, b, transpose_b=True) / tf.exp(self.log_eps)
        for _ in range(6):
            p = p - tf.reduce_logsumexp(p, 2, keepdims=True)
            p = p - tf.reduce_logsumexp(p, 1, keepdims=True)
        return tf.exp(p)


def build():
    keras.utils.set_random_seed(3)
    a, b = keras.Input((5, 4), name='detections'), keras.Input((5, 4), name='tracks')
    enc = keras.Sequential([keras.Input((5, 4)), L.Dense(12, activation='gelu'), L.Dense(6)], name='encoder')
    m = keras.Model({'detections': a, 'tracks': b}, Sinkhorn(name='plan')(enc(a), enc(b)))
    m.compile('adam', 'binary_crossentropy')
    return m


def sample():
    y = np.stack([np.eye(5)[np.random.default_rng(i).permutation(5)] for i in range(6)]).astype('float32')
    return {'detections': N(6, 5, 4), 'tracks': N(6, 5, 4, seed=1), 'y': y}


NOTES = dict(family='matching', why_hard='normalisation along both axes, unrolled; learned temperature', legit_nongradient=[])
