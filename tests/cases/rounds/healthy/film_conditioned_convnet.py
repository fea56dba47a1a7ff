"""A correct model: vision with tabular conditioning."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='healthy_film_conditioned_convnet')


def R():
    return np.random.default_rng(0)


@reg
class FiLM(L.Layer):
    def build(self, maps_shape, cond_shape):
        self.gamma = L.Dense(maps_shape[-1], kernel_initializer='random_normal', name='gamma')
        self.beta = L.Dense(maps_shape[-1], name='beta')
        self.gamma.build(cond_shape)
        self.beta.build(cond_shape)

    def call(self, maps, cond):
        return maps * (1.0 + self.gamma(cond))[:, None, None] + self.beta(cond)[:, None, None]


def build():
    keras.utils.set_random_seed(5)
    x, c = keras.Input((12, 12, 3), name='leaf'), keras.Input((4,), name='weather')
    h = L.Conv2D(6, 3, activation='swish')(x)
    h = L.Activation('swish')(FiLM(name='film1')(L.GroupNormalization(2)(L.Conv2D(6, 3)(h)), c))
    h = FiLM(name='film2')(L.Conv2D(6, 3)(h), c)
    m = keras.Model({'leaf': x, 'weather': c}, L.Dense(3, activation='softmax')(L.GlobalAveragePooling2D()(h)))
    m.compile(optimizer='adam', loss='sparse_categorical_crossentropy')
    return m


def sample():
    r = R()
    return {'leaf': r.uniform(size=(8, 12, 12, 3)).astype('float32'), 'weather': r.normal(size=(8, 4)).astype('float32'),
            'y': r.integers(0, 3, (8,)).astype('int32')}


NOTES = dict(family='vision with tabular conditioning', why_hard='multiplicative modulation around 1 by a side input', legit_nongradient=[])
