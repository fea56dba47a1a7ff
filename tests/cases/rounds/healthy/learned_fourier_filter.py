"""A correct model: spectral model of signals."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='healthy_learned_fourier_filter')


def R():
    return np.random.default_rng(0)


@reg
class FourierFilter(L.Layer):
    def build(self, shape):
        f = shape[1] // 2 + 1
        self.re = self.add_weight(shape=(shape[2], f), initializer=keras.initializers.RandomNormal(1.0, 0.1), name='re')
        self.im = self.add_weight(shape=(shape[2], f), initializer='random_normal', name='im')

    def call(self, x):
        im_mask = tf.pad(tf.ones((x.shape[1] // 2 - 1,)), [[1, 1]])
        z = tf.signal.rfft(tf.transpose(x, (0, 2, 1))) * tf.complex(self.re + 0.0, self.im * im_mask)
        return tf.transpose(tf.signal.irfft(z), (0, 2, 1))


def build():
    keras.utils.set_random_seed(15)
    x = keras.Input((16, 2), name='vibration')
    h = L.Conv1D(4, 1)(x)
    h = L.Add()([h, L.Activation('gelu')(FourierFilter(name='fourier')(h))])
    m = keras.Model({'vibration': x}, L.Dense(3, activation='softmax')(L.Flatten()(h)))
    m.compile(optimizer='adam', loss='sparse_categorical_crossentropy')
    return m


def sample():
    r = R()
    return {'vibration': r.normal(size=(9, 16, 2)).astype('float32'), 'y': r.integers(0, 3, (9,)).astype('int32')}


NOTES = dict(family='spectral model of signals', why_hard='complex numbers: rfft, learned complex filter, irfft', legit_nongradient=[dict(what='fourier/im', kind='variable', category='zero_gradient', reason='the imaginary parts of the DC and Nyquist bins are masked; all other elements learn')])
