"""A correct model: vision."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='healthy_spatial_transformer_bilinear')


def R():
    return np.random.default_rng(0)


@reg
class BilinearShift(L.Layer):
    def call(self, image, theta):
        n = image.shape[1]
        grid = tf.linspace(-1.0, 1.0, n)
        xs = (theta[:, :1] * grid + theta[:, 1:2] + 1.0) * (n - 1) / 2.0
        ys = (theta[:, 2:3] * grid + theta[:, 3:4] + 1.0) * (n - 1) / 2.0
        return self.lerp(self.lerp(image, ys, n, 1), xs, n, 2)

    def lerp(self, image, pos, n, axis):
        lo = tf.clip_by_value(tf.floor(pos), 0.0, n - 2.0)
        i = tf.cast(lo, tf.int32)
        w = pos - lo
        w = w[:, :, None, None] if axis == 1 else w[:, None, :, None]
        take = lambda k: tf.gather(image, k, axis=axis, batch_dims=1) if axis == 1 else tf.transpose(
            tf.gather(tf.transpose(image, (0, 2, 1, 3)), k, axis=1, batch_dims=1), (0, 2, 1, 3))
        return (1.0 - w) * take(i) + w * take(i + 1)


def build():
    keras.utils.set_random_seed(13)
    x = keras.Input((12, 12, 1), name='sign')
    h = L.Dense(8, activation='tanh')(L.Flatten()(L.AveragePooling2D(3)(x)))
    theta = L.Dense(4, kernel_initializer='random_normal', bias_initializer=keras.initializers.Constant(0.83), name='theta')(h)
    theta = L.Multiply()([theta, L.Dense(4, activation='sigmoid', name='damp')(h)])
    s = BilinearShift(name='stn')(x, theta)
    m = keras.Model({'sign': x}, L.Dense(4, activation='softmax')(L.Flatten()(L.Conv2D(4, 3, activation='relu')(s))))
    m.compile(optimizer='adam', loss='sparse_categorical_crossentropy')
    return m


def sample():
    r = R()
    return {'sign': r.uniform(size=(8, 12, 12, 1)).astype('float32'), 'y': r.integers(0, 4, (8,)).astype('int32')}


NOTES = dict(family='vision', why_hard='floor, integer casts and gather in the sampler; the gradient goes through the weights', legit_nongradient=[])
