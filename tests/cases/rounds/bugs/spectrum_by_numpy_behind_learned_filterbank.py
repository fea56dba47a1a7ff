"""The spectrum is computed by NumPy behind a learned filter, whose kernel has no gradient."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers


def log_spectrum(wave):
    return np.log1p(np.abs(np.fft.rfft(wave, axis=1))).astype('float32')


@keras.saving.register_keras_serializable(package='bearing')
class Spectrum(layers.Layer):
    def call(self, wave):
        spec = tf.numpy_function(log_spectrum, [wave], tf.float32)
        return tf.ensure_shape(spec, (wave.shape[0], wave.shape[1] // 2 + 1, wave.shape[2]))

    def compute_output_shape(self, s):
        return (s[0], s[1] // 2 + 1, s[2])


@keras.saving.register_keras_serializable(package='bearing')
class NativeSpectrum(Spectrum):
    def call(self, wave):
        spec = tf.signal.rfft(tf.transpose(wave, [0, 2, 1]))
        power = tf.math.real(spec) ** 2 + tf.math.imag(spec) ** 2
        return tf.transpose(tf.math.log1p(tf.sqrt(power + 1e-6)), [0, 2, 1])


def make(spectrum):
    keras.utils.set_random_seed(23)
    wave = keras.Input((64, 1), name='vibration')
    rpm = keras.Input((1,), name='rpm')
    x = layers.Conv1D(4, 9, padding='same', use_bias=False, name='filterbank')(wave)
    x = spectrum(x)
    x = layers.Conv1D(8, 5, strides=2, activation='relu', name='spec_conv')(x)
    x = layers.Concatenate()([layers.GlobalMaxPooling1D()(x), rpm])
    fault = layers.Dense(3, name='fault')(x)
    model = keras.Model([wave, rpm], fault)
    model.compile('nadam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def build():
    return make(Spectrum(name='spectrum'))


def fixed():
    return make(NativeSpectrum(name='spectrum'))


def sample():
    r = np.random.default_rng(7)
    return {'vibration': r.normal(size=(5, 64, 1)).astype('float32'), 'rpm': r.uniform(0.5, 1.5, (5, 1)).astype('float32'),
            'y': r.integers(0, 3, 5)}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/6163',
    'title': 'Using numpy function in .call of a custom Layer',
    'source_kind': 'variant',
    'category': 'none_gradient',
    'culprit': {'input': 'vibration', 'variable': 'filterbank/kernel', 'layer': 'spectrum', 'op': None,
                'line': 'spec = tf.numpy_function(log_spectrum, [wave], tf.float32)'},
    'why': 'tf.numpy_function has no gradient: the filterbank in front of it never moves.',
    'fix': 'Use tf.signal.rfft.',
    'also': [{'input': None, 'variable': None, 'layer': 'spectrum', 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': 'PyFunc', 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': 'EagerPyFunc', 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'return np.log1p(np.abs(np.fft.rfft(wave, axis=1))).astype(\'float32\')'},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'x = spectrum(x)'}],
}
