"""A correct model: hashing autoencoder."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='healthy_binary_code_straight_through')


def R():
    return np.random.default_rng(0)


@reg
class Binarize(L.Layer):
    def call(self, x):
        t = tf.tanh(x)
        return t + tf.stop_gradient(tf.sign(t) - t)


def build():
    keras.utils.set_random_seed(2)
    x = keras.Input((12, 12, 1), name='digit')
    h = L.Conv2D(6, 3, strides=2, activation='relu')(x)
    code = Binarize(name='code')(L.Dense(10, name='bits')(L.Flatten()(h)))
    y = L.Reshape((12, 12, 1))(L.Dense(144, activation='sigmoid')(L.Dense(24, activation='relu')(code)))
    m = keras.Model({'digit': x}, y)
    m.compile(optimizer='adam', loss='binary_crossentropy')
    return m


def sample():
    x = (R().uniform(size=(8, 12, 12, 1)) > 0.6).astype('float32')
    return {'digit': x, 'y': x.copy()}


NOTES = dict(family='hashing autoencoder', why_hard='sign inside a straight-through estimator', legit_nongradient=[])
