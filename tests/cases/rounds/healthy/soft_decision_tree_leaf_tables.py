"""Soft decision tree: sigmoid routing, product of path probabilities, a table of classes per leaf."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_soft_decision_tree_leaf_tables')


def N(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def U(lo, hi, *s, seed=0): return np.random.default_rng(seed).uniform(lo, hi, s).astype('float32')
def I(hi, *s, seed=0, lo=0): return np.random.default_rng(seed).integers(lo, hi, s).astype('int32')


@reg
class SoftTree(L.Layer):
    def __init__(self, depth=3, classes=3, **kw):
        super().__init__(**kw)
        self.depth, self.classes = depth, classes

    def build(self, s):
        n = 2 ** self.depth
        self.w = self.add_weight(name='w', shape=(s[-1], n - 1), initializer=keras.initializers.GlorotUniform(seed=11))
        self.b = self.add_weight(name='b', shape=(n - 1,), initializer='zeros')
        self.leaves = self.add_weight(name='leaves', shape=(n, self.classes), initializer=keras.initializers.RandomNormal(stddev=0.5, seed=12))

    def call(self, x):
        d = tf.sigmoid(x @ self.w + self.b)
        path, at = tf.ones([tf.shape(x)[0], 1]), 0
        for i in range(self.depth):
            p = d[:, at:at + 2 ** i]
            path = tf.reshape(tf.stack([path * p, path * (1 - p)], -1), [-1, 2 ** (i + 1)])
            at += 2 ** i
        return path @ tf.nn.softmax(self.leaves)

    def get_config(self): return {**super().get_config(), 'depth': self.depth, 'classes': self.classes}


def build():
    keras.utils.set_random_seed(19)
    x = keras.Input((6,), name='x')
    h = L.Normalization(mean=[0.1] * 6, variance=[1.2] * 6, name='norm')(x)
    m = keras.Model(x, L.Average(name='forest')([SoftTree(name=f'tree{i}')(L.Dense(5, name=f'view{i}')(h)) for i in range(2)]))
    m.compile('adam', 'sparse_categorical_crossentropy')
    return m


def sample(): return {'x': N(16, 6), 'y': I(3, 16)}


NOTES = dict(family='trees', why_hard='reshape of a stack, products of probabilities, probabilities as output of an Average', legit_nongradient=[])
