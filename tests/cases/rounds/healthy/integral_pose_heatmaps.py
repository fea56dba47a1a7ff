"""Pose estimation: soft-argmax of heatmaps on a constant grid, visibility head, invisible joints masked in the loss by their labels."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'integral_pose_heatmaps'


@keras.saving.register_keras_serializable(package=PKG)
class SoftArgmax(keras.layers.Layer):
    def build(self, shape):
        self.sharpness = self.add_weight(shape=(shape[-1],), initializer='ones', name='sharpness')

    def call(self, maps):
        h, w, k = maps.shape[1:]
        p = tf.nn.softmax(tf.reshape(maps * self.sharpness, (-1, h * w, k)), axis=1)
        grid = np.stack(np.meshgrid(np.linspace(0, 1, h), np.linspace(0, 1, w), indexing='ij'), axis=-1).reshape(-1, 2)
        return tf.einsum('bnk,nc->bkc', p, tf.constant(grid, tf.float32))

    def compute_output_shape(self, shape):
        return (shape[0], shape[-1], 2)


@keras.saving.register_keras_serializable(package=PKG)
def visible_l1(y, p):
    seen = tf.cast(y[..., 2:] > 0, p.dtype)
    return tf.reduce_sum(seen * tf.abs(y[..., :2] - p), axis=[1, 2]) / tf.maximum(tf.reduce_sum(seen, axis=[1, 2]), 1.0)


def build():
    keras.utils.set_random_seed(17)
    image = keras.Input((24, 24, 3), name='person')
    x = keras.layers.Conv2D(10, 3, strides=2, padding='same', activation='swish', name='stem')(image)
    y = keras.layers.Conv2D(10, 3, padding='same', activation='swish', name='hourglass_a')(keras.layers.AveragePooling2D(2, name='down')(x))
    x = keras.layers.Add(name='merge')([x, keras.layers.UpSampling2D(2, interpolation='bilinear', name='up')(y)])
    joints = SoftArgmax(name='joints')(keras.layers.Conv2D(5, 1, use_bias=False, name='heatmaps')(x))
    seen = keras.layers.Dense(5, activation='sigmoid', name='seen')(keras.layers.GlobalAveragePooling2D(name='pool')(y))
    m = keras.Model({'person': image}, {'joints': joints, 'seen': seen})
    m.compile('adam', {'joints': visible_l1, 'seen': 'binary_crossentropy'})
    return m


def sample():
    r = np.random.default_rng(17)
    seen = (r.random((5, 5)) < 0.7).astype('float32')
    return {'person': r.random((5, 24, 24, 3)).astype('float32'), 'y:joints': np.concatenate([r.random((5, 5, 2)), seen[..., None]], axis=-1).astype('float32'), 'y:seen': seen}


NOTES = dict(family='pose', why_hard='labels with one column more than the prediction; softmax over positions; a constant grid', legit_nongradient=[])
