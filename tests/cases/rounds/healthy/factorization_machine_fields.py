"""A correct model: recommender, tabular."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='healthy_factorization_machine_fields')


def R():
    return np.random.default_rng(0)


@reg
class FM(L.Layer):
    def call(self, v):
        return 0.5 * tf.reduce_sum(tf.square(tf.reduce_sum(v, 1)) - tf.reduce_sum(tf.square(v), 1), -1, keepdims=True)


@reg
class SumLast(L.Layer):
    def call(self, x):
        return tf.reduce_sum(x, -1, keepdims=True)


@reg
class Offset(L.Layer):
    def __init__(self, sizes, **kw):
        super().__init__(**kw)
        self.sizes = list(sizes)

    def get_config(self):
        return {**super().get_config(), 'sizes': self.sizes}

    def call(self, ids):
        return ids + tf.constant(np.cumsum([0] + self.sizes[:-1]), ids.dtype)


def build():
    keras.utils.set_random_seed(16)
    f, dense = keras.Input((3,), dtype='int32', name='fields'), keras.Input((4,), name='dense')
    ids = Offset([5, 8, 3], name='offset')(f)
    v = L.Embedding(16, 6, embeddings_initializer=keras.initializers.RandomNormal(stddev=0.3), name='factors')(ids)
    first = L.Flatten()(L.Embedding(16, 1, name='linear')(ids))
    first = SumLast(name='first_order')(first)
    logit = L.Add()([FM(name='fm')(v), first, L.Dense(1)(dense)])
    m = keras.Model({'fields': f, 'dense': dense}, L.Activation('sigmoid')(logit))
    m.compile(optimizer='adam', loss='binary_crossentropy')
    return m


def sample():
    r = R()
    f = np.stack([r.integers(0, 5, 32), r.integers(0, 8, 32), r.integers(0, 3, 32)], 1).astype('int32')
    return {'fields': f, 'dense': r.normal(size=(32, 4)).astype('float32'), 'y': r.integers(0, 2, (32, 1)).astype('float32')}


NOTES = dict(family='recommender, tabular', why_hard='second-order term as the difference of squares; integer fields of different sizes in one table', legit_nongradient=[])
