"""Learnable filter in front of a log spectrum that is computed by np.fft in tf.numpy_function."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='spectrum_by_numpy_function')


def log_spectrum(a):
    return np.log1p(np.abs(np.fft.rfft(a, axis=1))).astype('float32')


@reg
class Spectrum(L.Layer):
    def call(self, wave):
        out = tf.numpy_function(log_spectrum, [wave], tf.float32)
        return tf.ensure_shape(out, (None, wave.shape[1] // 2 + 1))


@reg
class TfSpectrum(Spectrum):
    def call(self, wave):
        return tf.math.log1p(tf.abs(tf.signal.rfft(wave)))


def net(spectrum):
    keras.utils.set_random_seed(5)
    wave, meta = keras.Input((64,), name='wave'), keras.Input((3,), name='meta')
    h = L.Conv1D(1, 7, padding='same', use_bias=False, name='fir')(L.Reshape((64, 1))(wave))
    s = spectrum(name='spectrum')(L.Reshape((64,))(h))
    z = L.Concatenate()([L.Dense(12, activation='relu', name='bands')(s), L.Dense(4, name='meta_fc')(meta)])
    m = keras.Model({'wave': wave, 'meta': meta}, L.Dense(5, activation='softmax', name='genre')(z))
    m.compile(optimizer='adam', loss='sparse_categorical_crossentropy')
    return m


def build():
    return net(Spectrum)


def fixed():
    return net(TfSpectrum)


def sample():
    r = np.random.default_rng(0)
    return {'wave': r.normal(size=(8, 64)).astype('float32'), 'meta': r.normal(size=(8, 3)).astype('float32'),
            'y': r.integers(0, 5, (8,)).astype('int32')}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/6163',
    'title': 'Using numpy function in .call of a custom Layer',
    'source_kind': 'variant',
    'category': 'none_gradient',
    'culprit': {'input': 'wave', 'variable': 'fir/kernel', 'layer': 'spectrum', 'op': 'PyFunc', 'line': 'out = tf.numpy_function(log_spectrum, [wave], tf.float32)'},
    'why': 'numpy_function has no gradient, so the filter before it is never trained.',
    'fix': 'Use tf.signal.rfft, tf.abs and tf.math.log1p.',
    'also': [{'input': 'wave', 'variable': 'fir', 'layer': 'spectrum', 'op': 'EagerPyFunc', 'line': None},
             {'input': 'wave', 'variable': 'fir', 'layer': 'spectrum', 'op': None, 'line': 'return np.log1p(np.abs(np.fft.rfft(a, axis=1)))'},
             {'input': 'wave', 'variable': None, 'layer': 'spectrum', 'op': None, 'line': "s = spectrum(name='spectrum')"}],
}
