"""VQ-VAE with codebook and commitment losses on the looked-up code."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h_vq')


@reg
class Quantizer(L.Layer):
    def __init__(self, codes=6, **kw):
        super().__init__(**kw)
        self.codes = codes

    def build(self, s):
        self.book = self.add_weight(shape=(self.codes, s[-1]), initializer='random_normal', name='book')
        self.built = True

    def call(self, z):
        d = ops.sum(ops.square(z[..., None, :] - self.book), axis=-1)
        q = ops.take(self.book, ops.argmin(d, axis=-1), axis=0)
        self.add_loss(ops.mean(ops.square(q - ops.stop_gradient(z))) + 0.25 * ops.mean(ops.square(ops.stop_gradient(q) - z)))
        return z + ops.stop_gradient(q - z)

    def compute_output_shape(self, s):
        return s

    def get_config(self):
        return {**super().get_config(), 'codes': self.codes}


def build():
    keras.utils.set_random_seed(10)
    x = keras.Input((8, 8, 1), name='patch')
    h = L.Conv2D(8, 2, strides=2, activation='relu', name='e1')(x)
    h = Quantizer(name='vq')(L.Conv2D(4, 1, name='e2')(h))
    y = L.Conv2DTranspose(1, 2, strides=2, name='d1')(h)
    m = keras.Model(x, y)
    m.compile('adam', 'mse')
    return m


def sample():
    r = np.random.default_rng(9)
    x = r.uniform(size=(6, 8, 8, 1)).astype('float32')
    return {'patch': x, 'y': x.copy()}


NOTES = dict(family='discrete latent', why_hard='argmin, three stop_gradients; unused codes have zero rows in the gradient', legit_nongradient=[])
