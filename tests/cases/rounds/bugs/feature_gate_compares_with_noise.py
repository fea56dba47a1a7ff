"""Tabular model whose learned gates are drawn by comparing with uniform noise."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_feature_gate_compares_with_noise')


@reg
class Binarize(L.Layer):
    def call(self, p):
        return tf.cast(tf.random.uniform(tf.shape(p), seed=3) <= p, 'float32')


@reg
class BinarizeThrough(L.Layer):
    def call(self, p):
        hard = tf.cast(tf.random.uniform(tf.shape(p), seed=3) <= p, 'float32')
        return p + tf.stop_gradient(hard - p)


def body(layer):
    x = keras.Input((8,), name='measurements')
    site = keras.Input((3,), name='site')
    p = L.Dense(8, activation='sigmoid', name='gate_prob')(L.Dense(6, activation='relu', name='gate_hidden')(site))
    h = L.Multiply(name='selected')([x, layer(p)])
    h = L.Dense(10, activation='relu', name='fc')(h)
    m = keras.Model({'measurements': x, 'site': site}, L.Dense(1, name='risk')(h))
    m.compile('sgd', 'mse')
    return m


def build():
    keras.utils.set_random_seed(11)
    return body(Binarize(name='gate'))


def fixed():
    keras.utils.set_random_seed(11)
    return body(BinarizeThrough(name='gate'))


def sample():
    r = np.random.default_rng(0)
    return {'measurements': r.normal(size=(16, 8)).astype('float32'), 'site': r.normal(size=(16, 3)).astype('float32'),
            'y': r.normal(size=(16, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/44125', 'source_kind': 'report',
    'title': 'No gradients provided for any variable when doing binarization',
    'category': 'nondifferentiable_op',
    'culprit': {'input': 'site', 'variable': 'gate_prob/kernel', 'layer': 'gate', 'op': 'LessEqual',
                'line': "return tf.cast(tf.random.uniform(tf.shape(p), seed=3) <= p, 'float32')"},
    'why': 'A comparison has no gradient: nothing reaches the layers that compute the probability.',
    'fix': 'Straight-through estimate.',
    'also': [{'op': 'Cast'}, {'op': 'GreaterEqual'}, {'variable': 'gate_hidden/kernel'}, {'layer': 'gate', 'line': "h = L.Multiply(name='selected')([x, layer(p)])"}],
}
