"""Basket model that rewards diversity by the determinant of a similarity matrix."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_basket_diversity_by_determinant')


@reg
class Diversity(L.Layer):
    def kernel(self, v):
        return tf.matmul(v, v, transpose_b=True)

    def call(self, v):
        volume = tf.linalg.det(self.kernel(v))
        self.add_loss(-0.1 * tf.reduce_mean(volume))
        return v


@reg
class RidgeDiversity(Diversity):
    def kernel(self, v):
        k = tf.matmul(v, v, transpose_b=True)
        return k + 0.1 * tf.eye(tf.shape(k)[-1])


def body(layer):
    items = keras.Input((4,), dtype='int32', name='items')
    user = keras.Input((5,), name='user')
    v = L.Embedding(20, 6, embeddings_initializer=keras.initializers.RandomNormal(stddev=0.6, seed=3), name='item_vectors')(items)
    v = layer(v)
    h = L.Concatenate()([L.Flatten()(v), L.Dense(6, activation='tanh', name='user_tower')(user)])
    m = keras.Model({'items': items, 'user': user}, L.Dense(1, name='spend')(h))
    m.compile('adam', 'mse')
    return m


def build():
    keras.utils.set_random_seed(3)
    return body(Diversity(name='diversity'))


def fixed():
    keras.utils.set_random_seed(3)
    return body(RidgeDiversity(name='diversity'))


def sample():
    r = np.random.default_rng(0)
    items = np.array([[1, 4, 7, 9], [2, 5, 5, 11], [3, 8, 12, 6], [10, 14, 2, 19]], 'int32')
    return {'items': items, 'user': r.normal(size=(4, 5)).astype('float32'), 'y': r.normal(size=(4, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/64225', 'source_kind': 'variant',
    'title': 'using tf.linalg.det in custom loss function yields matrix inversion error',
    'category': 'nonfinite_gradient',
    'culprit': {'input': None, 'variable': 'item_vectors', 'layer': 'diversity', 'op': 'MatrixDeterminant', 'line': 'volume = tf.linalg.det(self.kernel(v))'},
    'why': 'A basket with the same item twice has a singular similarity matrix; the gradient of the determinant inverts it and fails.',
    'fix': 'Add a ridge to the diagonal.',
    'also': [{'layer': 'diversity', 'line': 'return tf.matmul(v, v, transpose_b=True)'}, {'op': 'MatrixInverse'}, {'line': 'self.add_loss(-0.1 * tf.reduce_mean(volume))'},
             {'layer': 'diversity', 'line': 'v = layer(v)'}, {'input': 'items'}],
}
