"""Progressive decoder in the middle of a fade: old and new head blended by a constant input."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_progressive_fade_with_constant_alpha')


def N(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def U(lo, hi, *s, seed=0): return np.random.default_rng(seed).uniform(lo, hi, s).astype('float32')
def I(hi, *s, seed=0, lo=0): return np.random.default_rng(seed).integers(lo, hi, s).astype('int32')


@reg
class Blend(L.Layer):
    def call(self, old, new, alpha):
        a = tf.reshape(alpha, [-1, 1, 1, 1])
        return (1.0 - a) * old + a * new


def build():
    keras.utils.set_random_seed(12)
    z, alpha = keras.Input((6,), name='latent'), keras.Input((), name='alpha')
    h = L.Reshape((4, 4, 8))(L.Dense(128, activation='relu', name='seed')(z))
    up = L.UpSampling2D(name='up')(h)
    old = L.Conv2D(3, 1, name='rgb_low')(up)
    new = L.Conv2D(3, 1, name='rgb_high')(L.Conv2D(8, 3, padding='same', activation='relu', name='conv_high')(up))
    m = keras.Model({'latent': z, 'alpha': alpha}, Blend(name='blend')(old, new, alpha))
    m.compile('adam', 'mse')
    return m


def sample(): return {'latent': N(5, 6), 'alpha': np.full(5, 0.3, 'float32'), 'y': N(5, 8, 8, 3, seed=1)}


NOTES = dict(family='generator', why_hard='an input that is the same in all rows; two heads summed', legit_nongradient=['alpha'])
