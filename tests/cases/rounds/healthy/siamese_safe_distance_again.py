"""A correct model: contrastive learning."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='healthy_siamese_safe_distance')


def R():
    return np.random.default_rng(0)


@reg
class SafeDistance(L.Layer):
    def call(self, a, b):
        d2 = tf.reduce_sum(tf.square(a - b), -1, keepdims=True)
        zero = tf.equal(d2, 0.0)
        return tf.where(zero, 0.0, tf.sqrt(tf.where(zero, 1.0, d2)))


@reg
def contrastive(y_true, y_pred):
    return tf.reduce_mean(y_true * tf.square(y_pred) + (1.0 - y_true) * tf.square(tf.maximum(1.5 - y_pred, 0.0)), -1)


def build():
    keras.utils.set_random_seed(11)
    a, b = keras.Input((10, 3), name='left'), keras.Input((10, 3), name='right')
    x = keras.Input((10, 3))
    tower = keras.Model(x, L.Dense(4, use_bias=False)(L.GlobalMaxPooling1D()(L.Conv1D(8, 3, activation='tanh')(x))), name='tower')
    m = keras.Model({'left': a, 'right': b}, SafeDistance(name='distance')(tower(a), tower(b)))
    m.compile(optimizer='adam', loss=contrastive)
    return m


def sample():
    r = R()
    a = r.normal(size=(8, 10, 3)).astype('float32')
    b = r.normal(size=(8, 10, 3)).astype('float32')
    b[0] = a[0]
    y = np.array([1, 0, 1, 0, 1, 0, 1, 0], 'float32')[:, None]
    return {'left': a, 'right': b, 'y': y}


NOTES = dict(family='contrastive learning', why_hard='square root of a distance that is exactly zero for equal pairs, guarded by a double where', legit_nongradient=[])
