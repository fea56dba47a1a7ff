"""Tabular: missing numbers are replaced by learned values and flagged; columns are tokens of a small transformer."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'tabular_missing_values'


@keras.saving.register_keras_serializable(package=PKG)
class Impute(keras.layers.Layer):
    def build(self, shape):
        self.default = self.add_weight(shape=(shape[-1],), initializer='zeros', name='default')
        self.scale = self.add_weight(shape=(shape[-1], 8), initializer='glorot_uniform', name='scale')
        self.shift = self.add_weight(shape=(shape[-1], 8), initializer='glorot_uniform', name='shift')
        self.absent = self.add_weight(shape=(shape[-1], 8), initializer='zeros', name='absent')

    def call(self, x):
        missing = tf.math.is_nan(x)
        filled = tf.where(missing, tf.broadcast_to(self.default, tf.shape(x)), tf.where(missing, tf.zeros_like(x), x))
        return filled[..., None] * self.scale + self.shift + tf.cast(missing, x.dtype)[..., None] * self.absent

    def compute_output_shape(self, shape):
        return (*shape, 8)


def build():
    keras.utils.set_random_seed(8)
    numbers = keras.Input((5,), name='numbers')
    city = keras.Input((1,), dtype='int32', name='city')
    job = keras.Input((1,), dtype='int32', name='job')
    tokens = keras.layers.Concatenate(axis=1, name='tokens')([Impute(name='impute')(numbers), keras.layers.Embedding(11, 8, name='city_embedding')(city), keras.layers.Embedding(6, 8, name='job_embedding')(job)])
    a = keras.layers.MultiHeadAttention(2, 4, use_bias=False, name='attention')(tokens, tokens)
    x = keras.layers.LayerNormalization(name='norm')(keras.layers.Add(name='residual')([tokens, a]))
    x = keras.layers.Flatten(name='row')(x)
    m = keras.Model({'numbers': numbers, 'city': city, 'job': job}, keras.layers.Dense(1, activation='sigmoid', bias_initializer=keras.initializers.Constant(-1.0), name='default_risk')(x))
    m.compile('adam', 'binary_crossentropy')
    return m


def sample():
    r = np.random.default_rng(8)
    numbers = r.normal(size=(24, 5)).astype('float32')
    numbers[r.random((24, 5)) < 0.25] = np.nan
    return {'numbers': numbers, 'city': r.integers(0, 11, (24, 1)).astype('int32'), 'job': r.integers(0, 6, (24, 1)).astype('int32'), 'y': r.integers(0, 2, (24, 1)).astype('float32')}


NOTES = dict(family='tabular', why_hard='NaN in an input on purpose, masked by a double where; zero-initialised weights that get a gradient', legit_nongradient=[])
