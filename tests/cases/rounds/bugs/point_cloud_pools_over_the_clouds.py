"""Point cloud part segmentation: the global feature is the maximum over axis 0, the clouds of the batch, instead of the points."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'point_cloud_pools_over_the_clouds'


@keras.saving.register_keras_serializable(package=PKG)
class AppendGlobalFeature(keras.layers.Layer):
    def call(self, points):
        summary = tf.reduce_max(points, axis=0, keepdims=True)
        return tf.concat([points, tf.broadcast_to(summary, tf.shape(points))], axis=-1)

    def compute_output_shape(self, shape):
        return (*shape[:-1], 2 * shape[-1])


@keras.saving.register_keras_serializable(package=PKG)
class AppendCloudFeature(AppendGlobalFeature):
    def call(self, points):
        summary = tf.reduce_max(points, axis=1, keepdims=True)
        return tf.concat([points, tf.broadcast_to(summary, tf.shape(points))], axis=-1)


def pointnet(append):
    keras.utils.set_random_seed(4)
    xyz = keras.Input((40, 3), name='xyz')
    normals = keras.Input((40, 3), name='normals')
    h = keras.layers.Concatenate(name='features')([xyz, normals])
    h = keras.layers.Conv1D(16, 1, activation='relu', name='mlp_a')(h)
    h = keras.layers.Conv1D(24, 1, activation='relu', name='mlp_b')(h)
    h = append(h)
    h = keras.layers.Conv1D(16, 1, activation='relu', name='mlp_c')(h)
    m = keras.Model({'xyz': xyz, 'normals': normals}, keras.layers.Conv1D(4, 1, name='part')(h))
    m.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return m


def build():
    return pointnet(AppendGlobalFeature(name='global_feature'))


def fixed():
    return pointnet(AppendCloudFeature(name='global_feature'))


def sample():
    r = np.random.default_rng(6)
    n = r.normal(size=(6, 40, 3))
    return {'xyz': r.normal(size=(6, 40, 3)).astype('float32'),
            'normals': (n / np.linalg.norm(n, axis=-1, keepdims=True)).astype('float32'),
            'y': r.integers(0, 4, (6, 40)).astype('int32')}


EXPECT = {
    'source': 'own',
    'title': 'PointNet segmentation with the max over the batch axis',
    'source_kind': 'own',
    'category': 'batch_mixing',
    'culprit': {'input': 'xyz', 'variable': None, 'layer': 'global_feature', 'op': 'Max', 'line': 'summary = tf.reduce_max(points, axis=0, keepdims=True)'},
    'why': 'The labels of one cloud depend on the other clouds of the batch, and no cloud ever sees a summary of its own points.',
    'fix': 'Reduce over axis 1.',
}
EXPECT['also'] = [
    {'input': 'normals'}, {'input': None}, {'op': None},
    {'line': 'return tf.concat([points, tf.broadcast_to(summary, tf.shape(points))], axis=-1)', 'op': None},
    {'line': 'h = append(h)', 'op': None},
]
