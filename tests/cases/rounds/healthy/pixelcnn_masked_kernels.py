"""Autoregressive image model with masked kernels, conditioned on a class."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_pixelcnn_masked_kernels')


def N(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def U(lo, hi, *s, seed=0): return np.random.default_rng(seed).uniform(lo, hi, s).astype('float32')
def I(hi, *s, seed=0, lo=0): return np.random.default_rng(seed).integers(lo, hi, s).astype('int32')


@reg
class MaskedConv(L.Layer):
    def __init__(self, filters=8, size=3, centre=True, **kw):
        super().__init__(**kw)
        self.filters, self.size, self.centre = filters, size, centre

    def build(self, s):
        self.kernel = self.add_weight(name='kernel', shape=(self.size, self.size, s[-1], self.filters), initializer='glorot_uniform')
        self.bias = self.add_weight(name='bias', shape=(self.filters,), initializer='zeros')
        mask = np.ones((self.size, self.size, 1, 1), 'float32')
        c = self.size // 2
        mask[c, c + self.centre:] = 0
        mask[c + 1:] = 0
        self.mask = mask

    def call(self, x): return tf.nn.conv2d(x, self.kernel * self.mask, 1, 'SAME') + self.bias

    def get_config(self): return {**super().get_config(), 'filters': self.filters, 'size': self.size, 'centre': self.centre}


def build():
    keras.utils.set_random_seed(10)
    x, c = keras.Input((8, 8, 1), name='image'), keras.Input((), dtype='int32', name='label')
    h = MaskedConv(8, 5, False, name='a')(x)
    h = h + L.Reshape((1, 1, 8))(L.Embedding(4, 8, name='class')(c))
    for i in range(2):
        h = h + MaskedConv(8, 3, name=f'b{i}')(L.Activation('elu')(h))
    m = keras.Model({'image': x, 'label': c}, MaskedConv(1, 1, name='logit')(L.Activation('elu')(h)))
    m.compile('adam', keras.losses.BinaryCrossentropy(from_logits=True))
    return m


def sample():
    x = I(2, 5, 8, 8, 1).astype('float32')
    return {'image': x, 'label': I(4, 5), 'y': x}


NOTES = dict(family='autoregressive', why_hard='half of every kernel is masked; the label is the input itself; the last pixel is never read', legit_nongradient=['image'])
