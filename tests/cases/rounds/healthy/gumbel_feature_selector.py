"""A correct model: feature selection (concrete autoencoder)."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='healthy_gumbel_feature_selector')


def R():
    return np.random.default_rng(0)


@reg
class Concrete(L.Layer):
    def __init__(self, k=3, temperature=0.7, **kw):
        super().__init__(**kw)
        self.k, self.temperature = k, temperature
        self.seed = keras.random.SeedGenerator(17)

    def get_config(self):
        return {**super().get_config(), 'k': self.k, 'temperature': self.temperature}

    def build(self, shape):
        self.logits = self.add_weight(shape=(self.k, shape[-1]), initializer='random_normal', name='logits')

    def call(self, x, training=False):
        z = tf.convert_to_tensor(self.logits)
        if training:
            u = keras.random.uniform((self.k, x.shape[-1]), 1e-6, 1.0 - 1e-6, seed=self.seed)
            z = z - tf.math.log(-tf.math.log(u))
        return tf.matmul(x, tf.nn.softmax(z / self.temperature), transpose_b=True)


def build():
    keras.utils.set_random_seed(17)
    x = keras.Input((9,), name='genes')
    y = L.Dense(9)(L.Dense(12, activation='leaky_relu')(Concrete(name='select')(x)))
    m = keras.Model({'genes': x}, y)
    m.compile(optimizer='adam', loss='mse')
    return m


def sample():
    x = R().normal(size=(20, 9)).astype('float32')
    return {'genes': x, 'y': x.copy()}


NOTES = dict(family='feature selection (concrete autoencoder)', why_hard='random noise in training and a low temperature; selection by a soft one-hot', legit_nongradient=[])
