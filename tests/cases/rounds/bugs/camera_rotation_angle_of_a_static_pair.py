"""Relative camera pose: the rotation angle is the arc cosine of a quaternion product, which is 1 for pairs without motion."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'camera_rotation_angle_of_a_static_pair'


@keras.saving.register_keras_serializable(package=PKG)
class RotationAngle(keras.layers.Layer):
    LIMIT = 1.0

    def call(self, pair):
        p, q = (tf.math.l2_normalize(x, axis=-1) for x in pair)
        cosine = tf.abs(tf.reduce_sum(p * q, axis=-1, keepdims=True))
        return 2.0 * tf.acos(tf.minimum(cosine, self.LIMIT))

    def compute_output_shape(self, shapes):
        return (*shapes[0][:-1], 1)


@keras.saving.register_keras_serializable(package=PKG)
class SafeRotationAngle(RotationAngle):
    LIMIT = 1.0 - 1e-6


def net(angle):
    keras.utils.set_random_seed(12)
    before, after = keras.Input((10, 2), name='corners_before'), keras.Input((10, 2), name='corners_after')
    x = tracker_in = keras.Input((10, 2))
    x = keras.layers.Flatten(name='corners')(x)
    x = keras.layers.Dense(24, activation='swish', name='hidden')(x)
    tracker = keras.Model(tracker_in, keras.layers.Dense(4, name='quaternion')(x), name='tracker')
    m = keras.Model({'corners_before': before, 'corners_after': after}, angle([tracker(before), tracker(after)]))
    m.compile('adam', 'mae')
    return m


def build():
    return net(RotationAngle(name='angle'))


def fixed():
    return net(SafeRotationAngle(name='angle'))


def sample():
    r = np.random.default_rng(14)
    before = r.normal(size=(24, 10, 2)).astype('float32')
    moving = (np.arange(24) % 2)[:, None, None].astype('float32')
    after = before + moving * (0.4 * r.normal(size=before.shape)).astype('float32')
    return {'corners_before': before, 'corners_after': after, 'y': (moving[:, 0] * r.random((24, 1))).astype('float32')}


EXPECT = {
    'source': 'https://github.com/papagina/RotationContinuity/issues/11',
    'title': 'Geodesic loss is NaN unless the cosine is kept below 1 before acos',
    'source_kind': 'variant',
    'category': 'nonfinite_gradient',
    'culprit': {'input': None, 'variable': 'quaternion/kernel', 'layer': 'angle', 'op': 'Acos', 'line': 'return 2.0 * tf.acos(tf.minimum(cosine, self.LIMIT))'},
    'why': 'The derivative of acos is infinite at 1; pairs without motion have a cosine of 1.',
    'fix': 'Keep the cosine at most 1 - 1e-6 (or use atan2).',
}
EXPECT['also'] = [
    {'variable': None}, {'line': 'LIMIT = 1.0', 'op': None}, {'op': None}, {'op': 'Minimum'},
    {'line': "return net(RotationAngle(name='angle'))", 'op': None}, {'input': 'corners_before'}, {'input': 'corners_after'},
    {'line': "m = keras.Model({'corners_before': before, 'corners_after': after}, angle([tracker(before), tracker(after)]))", 'op': None},
]
