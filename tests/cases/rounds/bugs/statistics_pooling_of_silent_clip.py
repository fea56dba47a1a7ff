"""Statistics pooling takes the standard deviation over time, whose gradient is NaN for a silent clip."""
import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable(package='xvector')
class StatsPooling(layers.Layer):
    def spread(self, h):
        return ops.std(h, axis=1)

    def call(self, h):
        return ops.concatenate([ops.mean(h, axis=1), self.spread(h)], axis=-1)

    def compute_output_shape(self, s):
        return (s[0], 2 * s[2])


@keras.saving.register_keras_serializable(package='xvector')
class SafeStatsPooling(StatsPooling):
    def spread(self, h):
        return ops.sqrt(ops.var(h, axis=1) + 1e-5)


def make(pool):
    keras.utils.set_random_seed(43)
    mfcc = keras.Input((30, 8), name='mfcc')
    x = layers.Conv1D(12, 5, activation='swish', name='tdnn_a')(mfcc)
    x = layers.Conv1D(12, 3, dilation_rate=2, activation='swish', name='tdnn_b')(x)
    x = pool(x)
    x = layers.Dense(10, activation='swish', name='segment')(x)
    speaker = layers.Dense(4, activation='softmax', name='speaker')(x)
    model = keras.Model(mfcc, speaker)
    model.compile('adam', 'sparse_categorical_crossentropy')
    return model


def build():
    return make(StatsPooling(name='stats'))


def fixed():
    return make(SafeStatsPooling(name='stats'))


def sample():
    r = np.random.default_rng(12)
    x = r.normal(size=(8, 30, 8)).astype('float32')
    x[5] = 0.0
    return {'mfcc': x, 'y': r.integers(0, 4, 8)}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/2960',
    'title': 'K.std results in NaN if input is zero vector',
    'source_kind': 'variant',
    'category': 'nonfinite_gradient',
    'culprit': {'input': 'mfcc', 'variable': 'tdnn_', 'layer': 'stats', 'op': 'Sqrt', 'line': 'return ops.std(h, axis=1)'},
    'why': 'Row 5 is silent: its frames are constant over time, the variance is 0 and the gradient of its square root infinite, times 0 is NaN.',
    'fix': 'sqrt(var + epsilon)',
    'also': [{'input': None, 'variable': None, 'layer': 'stats', 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'return ops.concatenate([ops.mean(h, axis=1), self.spread(h)], axis=-1)'},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'x = pool(x)'}],
}
