"""A correct model: domain adaptation."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='healthy_domain_adversarial_reversal')


def R():
    return np.random.default_rng(0)


@tf.custom_gradient
def flip(x):
    return tf.identity(x), lambda dy: -0.3 * dy


@reg
class Reverse(L.Layer):
    def call(self, x):
        return flip(x)


def build():
    keras.utils.set_random_seed(1)
    x, cat = keras.Input((8,), name='numeric'), keras.Input((1,), dtype='int32', name='shop')
    e = L.Flatten()(L.Embedding(6, 4, name='shop_embed')(cat))
    h = L.Dense(12, activation='elu', name='shared')(L.Concatenate()([x, e]))
    price = L.Dense(1, name='price')(h)
    domain = L.Dense(1, activation='sigmoid', name='domain')(L.Dense(6, activation='tanh')(Reverse()(h)))
    m = keras.Model({'numeric': x, 'shop': cat}, {'price': price, 'domain': domain})
    m.compile(optimizer='adam', loss={'price': 'huber', 'domain': 'binary_crossentropy'})
    return m


def sample():
    r = R()
    return {'numeric': r.normal(size=(16, 8)).astype('float32'), 'shop': np.arange(16).reshape(16, 1).astype('int32') % 6,
            'y:price': r.normal(size=(16, 1)).astype('float32'), 'y:domain': r.integers(0, 2, (16, 1)).astype('float32')}


NOTES = dict(family='domain adaptation', why_hard='the reversal layer has a custom gradient with the other sign', legit_nongradient=[])
