"""Speaker classifier on a bank of sinc filters with learned edges."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_sincnet_learned_band_edges')


def N(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def U(lo, hi, *s, seed=0): return np.random.default_rng(seed).uniform(lo, hi, s).astype('float32')
def I(hi, *s, seed=0, lo=0): return np.random.default_rng(seed).integers(lo, hi, s).astype('int32')


@reg
class SincConv(L.Layer):
    def __init__(self, filters=6, size=17, **kw):
        super().__init__(**kw)
        self.filters, self.size = filters, size

    def build(self, s):
        self.low = self.add_weight(name='low', shape=(self.filters,), initializer=keras.initializers.RandomUniform(0.02, 0.2, seed=7))
        self.band = self.add_weight(name='band', shape=(self.filters,), initializer=keras.initializers.RandomUniform(0.05, 0.15, seed=8))

    def call(self, x):
        n = np.arange(1, self.size // 2 + 1, dtype='float32')[None]
        f1 = 0.01 + tf.abs(self.low)[:, None]
        f2 = tf.minimum(f1 + 0.01 + tf.abs(self.band)[:, None], 0.5)
        half = (tf.sin(2 * np.pi * f2 * n) - tf.sin(2 * np.pi * f1 * n)) / (np.pi * n)
        full = tf.concat([half[:, ::-1], 2 * (f2 - f1), half], 1) * np.hamming(self.size).astype('float32')
        return tf.nn.conv1d(x, tf.transpose(full)[:, None], 1, 'VALID')

    def get_config(self): return {**super().get_config(), 'filters': self.filters, 'size': self.size}


def build():
    keras.utils.set_random_seed(16)
    x = keras.Input((96, 1), name='wave')
    h = L.LeakyReLU()(L.LayerNormalization(name='norm')(L.MaxPooling1D(4)(SincConv(name='sinc')(x))))
    h = L.GlobalAveragePooling1D()(L.Conv1D(8, 3, activation='relu', name='conv')(h))
    m = keras.Model(x, L.Dense(4, activation='softmax', name='speaker')(h))
    m.compile('adam', 'sparse_categorical_crossentropy')
    return m


def sample(): return {'wave': N(6, 96, 1), 'y': I(4, 6)}


NOTES = dict(family='audio', why_hard='absolute values and a minimum of the parameters, kernel computed from them', legit_nongradient=[])
