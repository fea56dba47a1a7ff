"""Video model with a layer that takes the leading subspace by a full singular value decomposition."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_subspace_layer_with_full_svd')


@reg
class Subspace(L.Layer):
    def __init__(self, rank=2, **kw):
        super().__init__(**kw)
        self.rank = rank

    def decompose(self, x):
        return tf.linalg.svd(x, full_matrices=True)

    def call(self, x):
        s, u, v = self.decompose(x)
        u = u[..., :self.rank]
        return tf.concat([s, tf.reshape(tf.matmul(u, u, transpose_b=True), [-1, x.shape[1] ** 2])], -1)

    def get_config(self):
        return {**super().get_config(), 'rank': self.rank}


@reg
class ThinSubspace(Subspace):
    def decompose(self, x):
        return tf.linalg.svd(x, full_matrices=False)


def body(layer):
    x = keras.Input((8, 5), name='frames')
    h = L.TimeDistributed(L.Dense(3, activation='tanh', name='proj'), name='projection')(x)
    h = layer(h)
    m = keras.Model(x, L.Dense(4, activation='softmax', name='action')(h))
    m.compile('adam', 'sparse_categorical_crossentropy')
    return m


def build():
    keras.utils.set_random_seed(14)
    return body(Subspace(name='subspace'))


def fixed():
    keras.utils.set_random_seed(14)
    return body(ThinSubspace(name='subspace'))


def sample():
    r = np.random.default_rng(0)
    return {'frames': r.normal(size=(5, 8, 5)).astype('float32'), 'y': r.integers(0, 4, (5,)).astype('int32')}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/13759', 'source_kind': 'report',
    'title': 'using SVD in custom layer in keras (svd gradient is not implemented when full_matrices is True)',
    'category': 'nondifferentiable_op',
    'culprit': {'input': 'frames', 'variable': 'proj', 'layer': 'subspace', 'op': 'Svd', 'line': 'return tf.linalg.svd(x, full_matrices=True)'},
    'why': 'The gradient of a full decomposition of an 8 x 3 matrix is not implemented: training stops with an exception.',
    'fix': 'full_matrices=False.',
    'also': [{'layer': 'subspace', 'line': 's, u, v = self.decompose(x)'}, {'layer': 'subspace', 'line': 'h = layer(h)'}],
}
