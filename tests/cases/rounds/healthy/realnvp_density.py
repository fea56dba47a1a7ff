"""Normalizing flow: RealNVP with alternating masks, learned scale of log_scale and an exact likelihood as the output."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'realnvp_density'


@keras.saving.register_keras_serializable(package=PKG)
class Coupling(keras.layers.Layer):
    def __init__(self, flip=False, **kw):
        super().__init__(**kw)
        self.flip = flip
        self.hidden = keras.layers.Dense(16, activation='tanh', name='hidden')
        self.params = keras.layers.Dense(4, kernel_initializer=keras.initializers.RandomNormal(stddev=1e-2, seed=3), name='params')

    def build(self, shapes):
        self.hidden.build((None, 2 + shapes[2][-1]))
        self.params.build((None, 16))
        self.bound = self.add_weight(shape=(2,), initializer='ones', name='bound')

    def call(self, inputs):
        x, log_det, context = inputs
        a, b = tf.split(x, 2, axis=-1)
        a, b = (b, a) if self.flip else (a, b)
        s, t = tf.split(self.params(self.hidden(tf.concat([a, context], axis=-1))), 2, axis=-1)
        s = self.bound * tf.tanh(s)
        b = b * tf.exp(s) + t
        return tf.concat([b, a] if self.flip else [a, b], axis=-1), log_det + tf.reduce_sum(s, axis=-1, keepdims=True)

    def get_config(self):
        return {**super().get_config(), 'flip': self.flip}


@keras.saving.register_keras_serializable(package=PKG)
class ZeroColumn(keras.layers.Layer):
    def call(self, x):
        return tf.zeros_like(x[:, :1])


@keras.saving.register_keras_serializable(package=PKG)
class LogNormal(keras.layers.Layer):
    def call(self, inputs):
        z, log_det = inputs
        return log_det - 0.5 * tf.reduce_sum(tf.square(z) + np.log(2 * np.pi).astype('float32'), axis=-1, keepdims=True)


@keras.saving.register_keras_serializable(package=PKG)
def negative(y_true, log_prob):
    return -tf.reduce_mean(y_true * log_prob, axis=-1)


def build():
    keras.utils.set_random_seed(11)
    x, context = keras.Input((4,), name='momentum'), keras.Input((3,), name='detector')
    z, log_det = x, ZeroColumn(name='no_volume')(x)
    for i in range(4):
        z, log_det = Coupling(flip=bool(i % 2), name=f'coupling{i}')([z, log_det, context])
    m = keras.Model({'momentum': x, 'detector': context}, LogNormal(name='log_prob')([z, log_det]))
    m.compile('adam', negative)
    return m


def sample():
    r = np.random.default_rng(11)
    return {'momentum': (r.normal(size=(32, 4)) * [1, 2, 0.5, 1.5]).astype('float32'), 'detector': r.normal(size=(32, 3)).astype('float32'), 'y': np.ones((32, 1), 'float32')}


NOTES = dict(family='normalizing flow', why_hard='y holds weights of ones and no target; a constant zero starts the log-determinant; halves are passed on unchanged', legit_nongradient=[])
