"""The result of tensor_scatter_nd_update is dropped, so the bird's-eye canvas stays empty."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

keras.utils.set_random_seed(14)
reg = keras.saving.register_keras_serializable(package='m5_pillars')


@reg
class Scatter(L.Layer):
    def __init__(self, size=6, **kw):
        super().__init__(**kw)
        self.size = size

    def get_config(self):
        return {**super().get_config(), 'size': self.size}

    def compute_output_shape(self, feats_shape, cells_shape):
        return (feats_shape[0], self.size, self.size, feats_shape[-1])

    def index(self, feats, cells):
        b, p = tf.shape(feats)[0], tf.shape(feats)[1]
        row = tf.tile(tf.range(b)[:, None, None], (1, p, 1))
        return tf.concat([row, cells], -1), tf.zeros((b, self.size, self.size, feats.shape[-1]), feats.dtype)

    def call(self, feats, cells):
        where, canvas = self.index(feats, cells)
        tf.tensor_scatter_nd_update(canvas, where, feats)
        return canvas


@reg
class ScatterAssigned(Scatter):
    def call(self, feats, cells):
        where, canvas = self.index(feats, cells)
        canvas = tf.tensor_scatter_nd_update(canvas, where, feats)
        return canvas


def net(scatter):
    pil, cells, cam = keras.Input((9, 5), name='pillars'), keras.Input((9, 2), dtype='int32', name='cells'), keras.Input((6, 6, 2), name='camera')
    f = L.Dense(4, activation='tanh', name='pillar_mlp')(pil)
    bev = scatter(6, name='bev')(f, cells)
    h = L.Concatenate()([bev, L.Conv2D(3, 1, activation='relu', name='cam_conv')(cam)])
    h = L.Conv2D(6, 3, padding='same', activation='relu', name='bev_conv')(h)
    m = keras.Model({'pillars': pil, 'cells': cells, 'camera': cam}, L.Conv2D(1, 1, activation='sigmoid', name='occupied')(h))
    m.compile('adam', loss='binary_crossentropy')
    return m


def build():
    return net(Scatter)


def fixed():
    return net(ScatterAssigned)


def sample():
    r = np.random.default_rng(0)
    return {'pillars': r.normal(size=(3, 9, 5)).astype('float32'), 'cells': r.integers(0, 6, (3, 9, 2)).astype('int32'),
            'camera': r.random((3, 6, 6, 2), 'float32'), 'y': r.integers(0, 2, (3, 6, 6, 1)).astype('float32')}


EXPECT = {
    'source': 'own', 'title': 'PointPillars scatter ported from in-place NumPy indexing', 'source_kind': 'own', 'category': 'disconnected_input',
    'culprit': {'input': 'pillars', 'variable': 'pillar_mlp/kernel', 'layer': 'bev', 'op': None, 'line': 'tf.tensor_scatter_nd_update(canvas, where, feats)'},
    'why': 'tensor_scatter_nd_update returns a new tensor; the layer gives back the zeros it started with.',
    'fix': 'canvas = tf.tensor_scatter_nd_update(...)',
    'also': [{'op': None, 'layer': None, 'line': 'return canvas'}, {'op': 'TensorScatterUpdate', 'layer': 'bev', 'line': None}, {'op': None, 'layer': None, 'line': "scatter(6, name='bev')(f, cells)"},
             {'op': 'ZerosLike', 'layer': None, 'line': None}, {'op': 'Fill', 'layer': 'bev', 'line': 'tf.zeros('}, {'input': 'cells', 'op': None, 'layer': None, 'line': None}],
}
