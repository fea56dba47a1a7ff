"""Geodesic rotation loss by acos of the trace: its derivative is infinite for a pair of frames without motion."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L
reg = keras.saving.register_keras_serializable(package='relative_pose_geodesic_of_static_pair')


@reg
class Rotation6D(L.Layer):
    def call(self, d):
        p = d + tf.constant([1.0, 0, 0, 0, 1.0, 0])
        a = tf.math.l2_normalize(p[:, :3], axis=-1)
        b = p[:, 3:] - tf.reduce_sum(a * p[:, 3:], -1, keepdims=True) * a
        b = tf.math.l2_normalize(b, axis=-1)
        return tf.stack([a, b, tf.linalg.cross(a, b)], axis=1)


@reg
def geodesic(y, r):
    cos = (tf.reduce_sum(y * r, axis=[1, 2]) - 1.0) / 2.0
    return tf.acos(tf.clip_by_value(cos, -1.0, 1.0))


@reg
def chordal_angle(y, r):
    sq = tf.reduce_sum(tf.square(y - r), axis=[1, 2])
    return sq


def net(loss):
    keras.utils.set_random_seed(15)
    a, b = keras.Input((10,), name='keypoints_a'), keras.Input((10,), name='keypoints_b')
    flow = L.Subtract(name='flow')([b, a])
    h = L.Dense(16, activation='tanh', use_bias=False, name='enc')(flow)
    r = Rotation6D(name='rotation')(L.Dense(6, use_bias=False, name='delta')(h))
    m = keras.Model({'keypoints_a': a, 'keypoints_b': b}, r)
    m.compile('adam', loss)
    return m


def build():
    return net(geodesic)


def fixed():
    return net(chordal_angle)


def sample():
    r = np.random.default_rng(4)
    a = r.normal(size=(8, 10)).astype('float32')
    b = a + .3 * r.normal(size=(8, 10)).astype('float32')
    b[2] = a[2]
    y = []
    for i in range(8):
        t = 0.0 if i == 2 else r.uniform(-1, 1)
        y.append([[np.cos(t), -np.sin(t), 0], [np.sin(t), np.cos(t), 0], [0, 0, 1]])
    return {'keypoints_a': a, 'keypoints_b': b, 'y': np.array(y, 'float32')}


EXPECT = {
    'source': None, 'title': 'acos in a geodesic rotation loss', 'source_kind': 'own', 'category': 'nonfinite_gradient',
    'culprit': {'input': None, 'variable': 'delta', 'layer': None, 'op': 'Acos', 'line': 'return tf.acos(tf.clip_by_value(cos, -1.0, 1.0))'},
    'why': 'A pair without motion is predicted exactly: the derivative of acos at 1 is infinite and times zero it is NaN for all weights.', 'fix': 'Use a chordal distance, or clip inside of 1.',
    'also': [{'layer': 'rotation', 'op': None}, {'op': 'Acos', 'line': None}, {'op': None, 'line': 'cos = (tf.reduce_sum(y * r'}, {'variable': 'enc', 'line': None, 'op': 'Acos'}, {'line': 'm.compile(', 'op': None}],
}
