"""Text classifier whose classes are rows of the same word table (tied weights)."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h4_tied_label_e')


def F(r, *shape):
    return r.normal(size=shape).astype('float32')


def I(r, high, *shape, low=0):
    return r.integers(low, high, size=shape).astype('int32')


def B(r, *shape):
    return r.integers(0, 2, size=shape).astype('float32')


@reg
class Tied(L.Layer):
    def __init__(self, words, width, label_words, **kw):
        super().__init__(**kw)
        self.words, self.width, self.label_words = words, width, label_words
        self.table, self.reader, self.proj = L.Embedding(words, width, name='table'), L.GRU(width, name='reader'), L.Dense(width, name='proj')

    def build(self, s):
        self.table.build(s)
        self.reader.build((None, None, self.width))
        self.proj.build((None, self.width))
        self.scale = self.add_weight(name='scale', shape=(), initializer=keras.initializers.Constant(5.0))

    def call(self, ids):
        x = self.proj(self.reader(self.table(ids), mask=ops.not_equal(ids, 0)))
        labels = ops.mean(self.table(ops.convert_to_tensor(self.label_words)), axis=1)
        cos = ops.matmul(ops.normalize(x, axis=-1), ops.transpose(ops.normalize(labels, axis=-1)))
        return ops.softmax(self.scale * cos)

    def compute_output_shape(self, s):
        return (s[0], len(self.label_words))

    def get_config(self):
        return {**super().get_config(), 'words': self.words, 'width': self.width, 'label_words': self.label_words}


def build():
    keras.utils.set_random_seed(18)
    text = keras.Input((8,), dtype='int32', name='text')
    m = keras.Model(text, Tied(40, 8, [[1, 2], [3, 4], [5, 6]], name='tied')(text))
    m.compile('adam', 'sparse_categorical_crossentropy')
    return m


def sample():
    r = np.random.default_rng(18)
    t = I(r, 40, 10, 8, low=1)
    t[::2, 5:] = 0
    return {'text': t, 'y': I(r, 3, 10)}


NOTES = dict(family='text', why_hard='one table on both sides, constant ids of the labels, left-aligned padding, cosine with learned scale', legit_nongradient=[])
