"""Few-shot classifier: each row is an episode of support and query images."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_prototypical_episode_per_row')


def N(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def U(lo, hi, *s, seed=0): return np.random.default_rng(seed).uniform(lo, hi, s).astype('float32')
def I(hi, *s, seed=0, lo=0): return np.random.default_rng(seed).integers(lo, hi, s).astype('int32')


@reg
class Prototypes(L.Layer):
    def build(self, s):
        self.log_scale = self.add_weight(name='log_scale', shape=(), initializer='zeros')

    def call(self, support, labels, query):
        onehot = tf.one_hot(labels, 3)
        count = tf.reduce_sum(onehot, 1)[..., None]
        proto = tf.matmul(onehot, support, transpose_a=True) / tf.maximum(count, 1.0)
        d = tf.reduce_sum(tf.square(query[:, :, None] - proto[:, None]), -1)
        return -tf.exp(self.log_scale) * d


def build():
    keras.utils.set_random_seed(5)
    s, q = keras.Input((6, 8, 8, 1), name='support'), keras.Input((4, 8, 8, 1), name='query')
    lab = keras.Input((6,), dtype='int32', name='support_labels')
    enc = keras.Sequential([keras.Input((8, 8, 1)), L.Conv2D(8, 3, activation='relu'), L.GlobalAveragePooling2D(), L.Dense(6, use_bias=False)], name='encoder')
    h = L.TimeDistributed(enc, name='encode')(L.Concatenate(axis=1)([s, q]))
    m = keras.Model({'support': s, 'support_labels': lab, 'query': q},
                    Prototypes(name='protos')(L.Cropping1D((0, 4), name='first')(h), lab, L.Cropping1D((6, 0), name='rest')(h)))
    m.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return m


def sample():
    lab = np.tile(np.array([0, 1, 2, 0, 1, 2], 'int32'), (5, 1))
    return {'support': N(5, 6, 8, 8, 1), 'support_labels': lab, 'query': N(5, 4, 8, 8, 1, seed=1), 'y': I(3, 5, 4, seed=2)}


NOTES = dict(family='few-shot', why_hard='labels are an input and only pass through one_hot; one encoder over both halves of the episode; its last bias would cancel, so there is none', legit_nongradient=['support_labels'])
