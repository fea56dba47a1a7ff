"""Diffusion: small U-Net with integer timesteps, classifier-free label embedding and scale-shift conditioning."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'diffusion_film_unet'


@keras.saving.register_keras_serializable(package=PKG)
class TimeWaves(keras.layers.Layer):
    def call(self, t):
        f = tf.exp(-np.log(1e4) * tf.range(6, dtype=tf.float32) / 6)
        a = tf.cast(t, tf.float32)[:, None] * f
        return tf.concat([tf.sin(a), tf.cos(a)], axis=-1)

    def compute_output_shape(self, shape):
        return (shape[0], 12)


@keras.saving.register_keras_serializable(package=PKG)
class Film(keras.layers.Layer):
    def __init__(self, **kw):
        super().__init__(**kw)

    def build(self, shapes):
        self.dense = keras.layers.Dense(2 * shapes[0][-1], kernel_initializer='zeros', name='scale_shift')
        self.dense.build(shapes[1])

    def call(self, inputs):
        x, c = inputs
        scale, shift = tf.split(self.dense(c)[:, None, None], 2, axis=-1)
        return x * (1.0 + scale) + shift


def build():
    keras.utils.set_random_seed(18)
    x_in, t, label = keras.Input((12, 12, 2), name='noisy'), keras.Input((), dtype='int32', name='timestep'), keras.Input((), dtype='int32', name='label')
    c = keras.layers.Dense(12, activation='swish', kernel_initializer='glorot_uniform', name='time_hidden')(TimeWaves(name='time_waves')(t))
    c = keras.layers.Add(name='condition')([c, keras.layers.Embedding(5, 12, name='label_embedding')(label)])
    x = keras.layers.Conv2D(8, 3, padding='same', name='stem')(x_in)
    y = keras.layers.Conv2D(12, 3, strides=2, padding='same', name='down')(keras.layers.Activation('swish', name='act_a')(keras.layers.GroupNormalization(4, name='gn_a')(x)))
    y = Film(name='film')([keras.layers.GroupNormalization(4, scale=False, center=False, name='gn_b')(y), c])
    y = keras.layers.Conv2DTranspose(8, 4, strides=2, padding='same', name='up')(keras.layers.Activation('swish', name='act_b')(y))
    out = keras.layers.Conv2D(2, 3, padding='same', name='noise')(keras.layers.Add(name='skip')([x, y]))
    m = keras.Model({'noisy': x_in, 'timestep': t, 'label': label}, out)
    m.compile('adam', 'mse')
    return m


def sample():
    r = np.random.default_rng(18)
    return {'noisy': r.normal(size=(8, 12, 12, 2)).astype('float32'), 'timestep': r.integers(0, 1000, 8).astype('int32'), 'label': r.integers(0, 5, 8).astype('int32'), 'y': r.normal(size=(8, 12, 12, 2)).astype('float32')}


NOTES = dict(family='diffusion', why_hard='the conditioning projection starts at zero (only here), so what is before it has no gradient in the very first step',
             legit_nongradient=[dict(what=w, kind='variable', category='zero_gradient', reason='behind a zero-initialised modulation; trains from the second step on') for w in ('time_hidden/kernel', 'time_hidden/bias', 'label_embedding/embeddings')])
