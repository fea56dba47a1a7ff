"""Bilinear pooling with a square root and a black frame in the batch."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='bilinear_sqrt_black_frame')


@reg
class BilinearPool(L.Layer):
    def gram(self, maps):
        g = tf.einsum('bhwc,bhwd->bcd', maps, maps)
        return tf.reshape(g, (-1, maps.shape[-1] ** 2))

    def call(self, maps):
        g = self.gram(maps)
        g = tf.sqrt(g)
        return tf.nn.l2_normalize(g, -1)


@reg
class SafeBilinearPool(BilinearPool):
    def call(self, maps):
        g = self.gram(maps)
        g = tf.sqrt(g + 1e-6)
        return tf.nn.l2_normalize(g, -1)


def net(pool):
    keras.utils.set_random_seed(8)
    x, t = keras.Input((10, 10, 3), name='frame'), keras.Input((2,), name='clock')
    h = L.Conv2D(4, 3, activation='relu', name='conv1')(x)
    h = L.Conv2D(4, 3, activation='relu', name='conv2')(h)
    z = L.Concatenate()([pool(name='bilinear')(h), L.Dense(3, name='clock_fc')(t)])
    m = keras.Model({'frame': x, 'clock': t}, L.Dense(3, activation='softmax', name='species')(z))
    m.compile(optimizer='adam', loss='sparse_categorical_crossentropy')
    return m


def build():
    return net(BilinearPool)


def fixed():
    return net(SafeBilinearPool)


def sample():
    r = np.random.default_rng(0)
    x = r.uniform(size=(8, 10, 10, 3)).astype('float32')
    x[3] = 0.0
    return {'frame': x, 'clock': r.normal(size=(8, 2)).astype('float32'), 'y': r.integers(0, 3, (8,)).astype('int32')}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/4914',
    'title': 'Keeping gradient of sqrt(x) stable for x = 0',
    'source_kind': 'variant',
    'category': 'nonfinite_gradient',
    'culprit': {'input': 'frame', 'variable': 'conv1/kernel', 'layer': 'bilinear', 'op': 'Sqrt', 'line': 'g = tf.sqrt(g)'},
    'why': 'The Gram matrix of a black frame (or of a silent channel) is exactly zero, where sqrt has an infinite slope: 0 * inf is NaN.',
    'fix': 'Add an epsilon inside the square root.',
    'also': [{'input': 'frame', 'variable': 'conv2/kernel', 'layer': 'bilinear', 'op': None, 'line': 'g = self.gram(maps)'},
             {'input': 'frame', 'variable': 'conv', 'layer': 'bilinear', 'op': None, 'line': None}],
}
