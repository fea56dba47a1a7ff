"""Learned Fourier frequencies and alpha compositing along rays."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m5h_radiance_field_with_learned_frequencies')
keras.utils.set_random_seed(3)
def F(*s): return np.random.default_rng(sum(s)).normal(size=s).astype("float32")
def I(hi, *s): return np.random.default_rng(sum(s) + hi).integers(0, hi, s).astype("int32")

@reg
class Fourier(L.Layer):
    def build(self, s): self.f = self.add_weight(name='f', shape=(s[-1], 6), initializer=keras.initializers.RandomNormal(0., 1.))
    def call(self, x): z = tf.matmul(x, self.f); return tf.concat([tf.sin(z), tf.cos(z)], -1)
@reg
class Composite(L.Layer):
    def call(self, rgb, sigma):
        a = 1. - tf.exp(-tf.nn.softplus(sigma[..., 0]) * .2); t = tf.math.cumprod(1. - a + 1e-10, axis=1, exclusive=True)
        return tf.reduce_sum((a * t)[..., None] * rgb, 1)
def build():
    x, d = keras.Input((8, 3), name='points'), keras.Input((3,), name='direction')
    h = L.Dense(12, activation='elu')(Fourier(name='ff')(x)); s = L.Dense(1, name='sigma')(h)
    c = L.Dense(3, activation='sigmoid', name='rgb')(L.Concatenate()([h, L.RepeatVector(8)(L.Dense(4)(d))]))
    m = keras.Model({'points': x, 'direction': d}, Composite(name='render')(c, s)); m.compile('adam', loss='mse'); return m
def sample(): return {'points': F(10, 8, 3), 'direction': F(10, 3), 'y': np.random.default_rng(0).random((10, 3)).astype('float32')}
NOTES = dict(family='graphics', why_hard='exp and cumprod chain, trainable frequencies', legit_nongradient=[])
