"""A normaliser wants to detach its statistics and detaches the normalised signal."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

keras.utils.set_random_seed(19)
reg = keras.saving.register_keras_serializable(package='m5_norm')


@reg
class BeatNorm(L.Layer):
    def call(self, x):
        mean, var = tf.nn.moments(x, axes=[1], keepdims=True)
        return tf.stop_gradient((x - mean) / tf.sqrt(var + 1e-3))


@reg
class BeatNormStats(L.Layer):
    def call(self, x):
        mean, var = tf.nn.moments(x, axes=[1], keepdims=True)
        return (x - tf.stop_gradient(mean)) / tf.sqrt(tf.stop_gradient(var) + 1e-3)


def net(norm):
    ecg, age = keras.Input((48, 2), name='ecg'), keras.Input((1,), name='age')
    stem = keras.Sequential([keras.Input((48, 2)), L.Conv1D(6, 5, strides=2, activation='relu', name='lead_conv'), norm(name='beat_norm')], name='lead_encoder')
    h = L.GlobalMaxPooling1D()(L.Conv1D(8, 3, activation='relu', name='rhythm_conv')(stem(ecg)))
    h = L.Concatenate()([h, L.Dense(3, activation='tanh', name='age_fc')(age)])
    m = keras.Model([ecg, age], [L.Dense(1, activation='sigmoid', name='afib')(h), L.Dense(1, name='rate')(h)])
    m.compile('adam', loss=['binary_crossentropy', 'mse'])
    return m


def build():
    return net(BeatNorm)


def fixed():
    return net(BeatNormStats)


def sample():
    r = np.random.default_rng(0)
    return {'ecg': r.normal(size=(6, 48, 2)).astype('float32'), 'age': r.random((6, 1), 'float32'),
            'y:afib': r.integers(0, 2, (6, 1)).astype('float32'), 'y:rate': r.random((6, 1), 'float32')}


EXPECT = {
    'source': 'own', 'title': 'normaliser that treats its statistics as constants', 'source_kind': 'own', 'category': 'stop_gradient',
    'culprit': {'input': 'ecg', 'variable': 'lead_conv/kernel', 'layer': 'beat_norm', 'op': 'StopGradient', 'line': 'return tf.stop_gradient((x - mean) / tf.sqrt(var + 1e-3))'},
    'why': 'The whole normalised signal is detached, so the convolution before it never learns.',
    'fix': 'Detach only the mean and the variance.',
    'also': [{'op': None, 'layer': 'lead_encoder', 'line': None}, {'op': None, 'layer': None, 'line': "norm(name='beat_norm')"}, {'op': None, 'layer': None, 'line': 'class BeatNorm('}],
}
