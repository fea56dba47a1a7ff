"""A correct model: VQ-VAE."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='healthy_vq_series_codebook')


def R():
    return np.random.default_rng(0)


@reg
class VQ(L.Layer):
    def __init__(self, codes=6, **kw):
        super().__init__(**kw)
        self.codes = codes

    def get_config(self):
        return {**super().get_config(), 'codes': self.codes}

    def build(self, shape):
        self.book = self.add_weight(shape=(self.codes, shape[-1]), initializer='random_normal', name='book')

    def call(self, z):
        d = tf.reduce_sum((z[..., None, :] - self.book) ** 2, -1)
        code = tf.matmul(tf.one_hot(tf.argmin(d, -1), self.codes), self.book)
        self.add_loss(tf.reduce_mean((code - tf.stop_gradient(z)) ** 2) + 0.25 * tf.reduce_mean((z - tf.stop_gradient(code)) ** 2))
        return z + tf.stop_gradient(code - z)


def build():
    keras.utils.set_random_seed(3)
    x = keras.Input((20, 2), name='series')
    z = L.Conv1D(4, 4, strides=4)(L.Conv1D(8, 3, padding='same', activation='swish')(x))
    y = L.Conv1DTranspose(2, 4, strides=4)(VQ(name='vq')(z))
    m = keras.Model({'series': x}, y)
    m.compile(optimizer='adam', loss='mae')
    return m


def sample():
    x = R().normal(size=(8, 20, 2)).astype('float32')
    return {'series': x, 'y': x.copy()}


NOTES = dict(family='VQ-VAE', why_hard='argmin and stop_gradient, yet encoder and codebook both learn by their own losses', legit_nongradient=[])
