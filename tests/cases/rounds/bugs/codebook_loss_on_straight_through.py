"""VQ autoencoder whose codebook loss is computed from the straight-through output."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='codebook_loss_on_straight_through')


@reg
class Quantizer(L.Layer):
    def __init__(self, codes=8, beta=0.25, **kw):
        super().__init__(**kw)
        self.codes, self.beta = codes, beta

    def get_config(self):
        return {**super().get_config(), 'codes': self.codes, 'beta': self.beta}

    def build(self, shape):
        self.codebook = self.add_weight(shape=(self.codes, shape[-1]), initializer='random_normal', name='codebook')

    def nearest(self, z):
        book = tf.convert_to_tensor(self.codebook)
        dist = tf.reduce_sum(tf.square(z[:, :, None] - book), -1)
        return tf.gather(book, tf.argmin(dist, -1))

    def call(self, z):
        code = self.nearest(z)
        zq = z + tf.stop_gradient(code - z)
        self.add_loss(tf.reduce_mean(tf.square(zq - tf.stop_gradient(z))))
        self.add_loss(self.beta * tf.reduce_mean(tf.square(z - tf.stop_gradient(code))))
        return zq


@reg
class GoodQuantizer(Quantizer):
    def call(self, z):
        code = self.nearest(z)
        self.add_loss(tf.reduce_mean(tf.square(code - tf.stop_gradient(z))))
        self.add_loss(self.beta * tf.reduce_mean(tf.square(z - tf.stop_gradient(code))))
        return z + tf.stop_gradient(code - z)


def net(quantizer):
    keras.utils.set_random_seed(6)
    x = keras.Input((24, 2), name='motion')
    z = L.Conv1D(4, 4, strides=4, name='encode')(x)
    q = quantizer(name='vq')(z)
    y = L.Conv1DTranspose(2, 4, strides=4, name='decode')(q)
    m = keras.Model({'motion': x}, y)
    m.compile(optimizer='adam', loss='mse')
    return m


def build():
    return net(Quantizer)


def fixed():
    return net(GoodQuantizer)


def sample():
    x = np.random.default_rng(0).normal(size=(8, 24, 2)).astype('float32')
    return {'motion': x, 'y': x.copy()}


EXPECT = {
    'source': 'https://github.com/showlab/Olaf-World/issues/8',
    'title': 'VQLAM: codebook never receives gradients (codebook loss uses the straight-through output)',
    'source_kind': 'variant',
    'category': 'stop_gradient',
    'culprit': {'input': None, 'variable': 'vq/codebook', 'layer': 'vq', 'op': 'StopGradient', 'line': 'self.add_loss(tf.reduce_mean(tf.square(zq - tf.stop_gradient(z))))'},
    'why': 'The codebook enters the losses only inside stop_gradient, so it stays at its initial values.',
    'fix': 'Compute the codebook loss from the looked-up code, before the straight-through step.',
    'also': [{'variable': 'codebook', 'layer': 'vq', 'op': 'StopGradient', 'line': 'zq = z + tf.stop_gradient(code - z)'},
             {'variable': 'codebook', 'layer': 'vq', 'op': 'StopGradient', 'line': 'self.add_loss(self.beta * tf.reduce_mean(tf.square(z - tf.stop_gradient(code))))'},
             {'variable': 'codebook', 'layer': 'vq', 'op': None, 'line': None}],
}
