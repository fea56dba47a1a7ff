"""Registration net that rotates the moving scan by affine_transform, which gives no gradient to the transform."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='scan_alignment_by_image_rotation')


@reg
class Rotate(L.Layer):
    def matrix(self, angle):
        c, s, z = tf.cos(angle), tf.sin(angle), tf.zeros_like(angle)
        mid = 7.5
        return tf.concat([c, -s, mid - c * mid + s * mid, s, c, mid - s * mid - c * mid, z, z], -1)

    def call(self, scan, angle):
        return ops.image.affine_transform(scan, self.matrix(angle), interpolation='bilinear')


@reg
class SampledRotate(Rotate):
    def call(self, scan, angle):
        t = self.matrix(angle)[:, None, None, :]
        yy, xx = tf.meshgrid(tf.range(16.0), tf.range(16.0), indexing='ij')
        u = tf.clip_by_value(t[..., 0] * xx + t[..., 1] * yy + t[..., 2], 0.0, 14.999)
        v = tf.clip_by_value(t[..., 3] * xx + t[..., 4] * yy + t[..., 5], 0.0, 14.999)
        u0, v0 = tf.floor(u), tf.floor(v)
        du, dv = (u - u0)[..., None], (v - v0)[..., None]
        at = lambda a, b: tf.gather_nd(scan, tf.cast(tf.stack([b, a], -1), tf.int32), batch_dims=1)
        return (at(u0, v0) * (1 - du) * (1 - dv) + at(u0 + 1, v0) * du * (1 - dv)
                + at(u0, v0 + 1) * (1 - du) * dv + at(u0 + 1, v0 + 1) * du * dv)


def net(layer):
    keras.utils.set_random_seed(12)
    a, b = keras.Input((16, 16, 1), name='reference'), keras.Input((16, 16, 1), name='moving')
    h = L.Concatenate(name='pair')([a, b])
    h = L.Conv2D(8, 3, strides=2, activation='relu', name='odo1')(h)
    h = L.Conv2D(8, 3, strides=2, activation='relu', name='odo2')(h)
    angle = L.Dense(1, activation='tanh', name='angle')(L.Flatten()(h))
    m = keras.Model({'reference': a, 'moving': b}, layer(name='rotate')(b, angle))
    m.compile('adam', 'mse')
    return m


def build():
    return net(Rotate)


def fixed():
    return net(SampledRotate)


def sample():
    r = np.random.default_rng(1)
    a = r.random((6, 16, 16, 1)).astype('float32')
    a = (a + np.roll(a, 1, 1) + np.roll(a, 1, 2)) / 3
    return {'reference': a, 'moving': np.rot90(a, 1, (1, 2)).copy(), 'y': a}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/18649', 'title': 'Backprop through the transformation matrix in image.transform and image.rotate',
    'source_kind': 'variant', 'category': 'nondifferentiable_op',
    'culprit': {'input': 'reference', 'variable': 'angle', 'layer': 'rotate', 'op': 'ImageProjectiveTransformV3', 'line': 'return ops.image.affine_transform('},
    'why': 'The image transform gives a gradient to the image only, not to the transform that the network predicts.', 'fix': 'Sample bilinearly at the transformed coordinates.',
    'also': [{'layer': 'rotate', 'op': None}, {'layer': 'angle', 'op': None, 'line': "layer(name='rotate')"}],
}
