"""Colour grading net whose edited image is brought back from HSV by tf.image.hsv_to_rgb, which has no gradient."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L
reg = keras.saving.register_keras_serializable(package='portrait_grading_in_hsv_space')


@reg
class HsvGrade(L.Layer):
    def back(self, hsv):
        return tf.image.hsv_to_rgb(hsv)

    def call(self, photo, knobs):
        hsv = tf.image.rgb_to_hsv(photo)
        hue, sat, val = tf.split(hsv, 3, axis=-1)
        k = knobs[:, None, None, :]
        hue = hue + 0.02 * tf.tanh(k[..., :1])
        sat = sat * tf.sigmoid(k[..., 1:2])
        val = val * tf.sigmoid(k[..., 2:])
        return self.back(tf.concat([hue, sat, val], -1))


@reg
class SmoothHsvGrade(HsvGrade):
    def back(self, hsv):
        h, s, v = tf.split(hsv, 3, axis=-1)

        def channel(n):
            k = tf.math.floormod(n + 6.0 * h, 6.0)
            return v - v * s * tf.maximum(0.0, tf.minimum(tf.minimum(k, 4.0 - k), 1.0))
        return tf.concat([channel(5.0), channel(3.0), channel(1.0)], -1)


def net(layer):
    keras.utils.set_random_seed(11)
    photo, camera = keras.Input((24, 24, 3), name='photo'), keras.Input((1,), dtype='int32', name='camera')
    h = L.Conv2D(8, 3, strides=2, activation='relu', name='thumb1')(photo)
    h = L.GlobalAveragePooling2D()(L.Conv2D(8, 3, strides=2, activation='relu', name='thumb2')(h))
    h = L.Concatenate()([h, L.Flatten()(L.Embedding(4, 4, name='camera_table')(camera))])
    knobs = L.Dense(3, name='knobs')(L.Dense(16, activation='relu', name='mix')(h))
    m = keras.Model({'photo': photo, 'camera': camera}, layer(name='grade')(photo, knobs))
    m.compile('adam', 'mae')
    return m


def build():
    return net(HsvGrade)


def fixed():
    return net(SmoothHsvGrade)


def sample():
    r = np.random.default_rng(0)
    p = r.uniform(.1, .9, (6, 24, 24, 3)).astype('float32')
    return {'photo': p, 'camera': r.integers(0, 4, (6, 1)).astype('int32'), 'y': np.clip(p * [.7, .6, .5], 0, 1).astype('float32')}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/21510', 'title': 'tf.image.hsv_to_rgb cannot seem to compute gradient',
    'source_kind': 'variant', 'category': 'nondifferentiable_op',
    'culprit': {'input': 'photo', 'variable': 'knobs', 'layer': 'grade', 'op': 'HSVToRGB', 'line': 'return tf.image.hsv_to_rgb(hsv)'},
    'why': 'HSVToRGB has no gradient, so nothing before the grading layer is trained.', 'fix': 'Convert by differentiable arithmetic.',
    'also': [{'layer': 'grade', 'line': 'return self.back('}, {'layer': 'grade', 'line': "layer(name='grade')"}, {'layer': 'grade', 'op': 'HSVToRGB'}],
}
