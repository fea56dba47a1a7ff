"""DeepFM: first-order tables, pairwise interactions and a deep tower on shared embeddings."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h_fm')


@reg
class Pairwise(L.Layer):
    def call(self, v):
        return 0.5 * ops.sum(ops.square(ops.sum(v, 1)) - ops.sum(ops.square(v), 1), axis=-1, keepdims=True)

    def compute_output_shape(self, s):
        return (s[0], 1)


def build():
    keras.utils.set_random_seed(6)
    sizes = {'user': 40, 'item': 60, 'device': 4}
    inputs = {k: keras.Input((1,), dtype='int32', name=k) for k in sizes}
    vec = [L.Embedding(n, 6, name=k + '_vec')(inputs[k]) for k, n in sizes.items()]
    bias = [L.Flatten()(L.Embedding(n, 1, embeddings_initializer='zeros', name=k + '_bias')(inputs[k])) for k, n in sizes.items()]
    v = L.Concatenate(axis=1)(vec)
    deep = L.Dense(1, use_bias=False, name='deep_out')(L.Dense(12, activation='relu', name='deep')(L.Flatten()(v)))
    out = L.Activation('sigmoid', name='ctr')(L.Add(name='sum')(bias + [Pairwise(name='fm')(v), deep]))
    m = keras.Model(inputs, out)
    m.compile('adagrad', 'binary_crossentropy')
    return m


def sample():
    r = np.random.default_rng(5)
    return {k: r.integers(0, n, (12, 1)).astype('int32') for k, n in (('user', 40), ('item', 60), ('device', 4))} | {'y': r.integers(0, 2, (12, 1)).astype('float32')}


NOTES = dict(family='recommender', why_hard='bias tables start at zero; only integer inputs; most rows of the tables are not looked up', legit_nongradient=[])
