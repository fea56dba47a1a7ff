"""Speech model that takes the phase of a filtered, zero-padded spectrogram."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_phase_features_of_padded_spectrogram')


@reg
class ComplexFilter(L.Layer):
    def build(self, s):
        init = keras.initializers.RandomNormal(0.7, 0.3, seed=5)
        self.wr = self.add_weight(name='wr', shape=(s[-2],), initializer=init)
        self.wi = self.add_weight(name='wi', shape=(s[-2],), initializer=keras.initializers.RandomNormal(0.2, 0.3, seed=6))

    def phase(self, z):
        return tf.math.angle(z)

    def call(self, x):
        z = tf.complex(x[..., 0], x[..., 1]) * tf.complex(self.wr, self.wi)
        return tf.concat([tf.math.log1p(tf.square(tf.math.real(z)) + tf.square(tf.math.imag(z))), self.phase(z)], -1)


@reg
class SafeComplexFilter(ComplexFilter):
    def phase(self, z):
        silent = tf.equal(z, tf.zeros_like(z))
        return tf.math.angle(tf.where(silent, tf.ones_like(z), z))


def body(layer):
    spec = keras.Input((10, 9, 2), name='spectrogram')
    h = layer(spec)
    h = L.GRU(8, name='gru')(h)
    m = keras.Model(spec, L.Dense(4, activation='softmax', name='word')(h))
    m.compile('adam', 'sparse_categorical_crossentropy')
    return m


def build():
    keras.utils.set_random_seed(5)
    return body(ComplexFilter(name='filter'))


def fixed():
    keras.utils.set_random_seed(5)
    return body(SafeComplexFilter(name='filter'))


def sample():
    r = np.random.default_rng(0)
    x = r.normal(size=(5, 10, 9, 2)).astype('float32')
    for i, n in enumerate((10, 8, 9, 6, 10)):
        x[i, n:] = 0
    return {'spectrogram': x, 'y': r.integers(0, 4, (5,)).astype('int32')}


EXPECT = {
    'source': 'https://github.com/NEGU93/cvnn/issues/12', 'source_kind': 'variant',
    'title': 'nan gradient for ComplexDense with angle-based loss (also tensorflow#50854)',
    'category': 'nonfinite_gradient',
    'culprit': {'input': 'spectrogram', 'variable': 'filter/w', 'layer': 'filter', 'op': 'Angle', 'line': 'return tf.math.angle(z)'},
    'why': 'Padded frames are 0+0i: their angle is 0, but its derivative divides 0 by 0.',
    'fix': 'Replace the zeros before taking the angle.',
    'also': [{'layer': 'filter', 'line': 'self.phase(z)], -1)'}, {'op': 'Atan2'}, {'layer': 'filter', 'line': 'h = layer(spec)'},
             {'line': 'z = tf.complex(x[..., 0], x[..., 1]) * tf.complex(self.wr, self.wi)'}, {'line': 'x[i, n:] = 0'}],
}
