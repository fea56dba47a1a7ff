"""Event-rate forecaster whose recurrent layer uses an exponential activation."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_event_rate_rnn_with_exponential_activation')


def body(cell):
    counts = keras.Input((12, 4), name='counts')
    site = keras.Input((3,), name='site')
    h = cell(counts)
    h = L.Concatenate(name='merge')([h, L.Dense(4, activation='relu', name='site_tower')(site)])
    m = keras.Model({'counts': counts, 'site': site}, L.Dense(1, activation='exponential', name='rate')(h))
    m.compile(keras.optimizers.Adam(1e-3), 'poisson')
    return m


def build():
    keras.utils.set_random_seed(4)
    return body(L.SimpleRNN(16, activation='exponential', name='rnn'))


def fixed():
    keras.utils.set_random_seed(4)
    return body(L.SimpleRNN(16, activation='tanh', name='rnn'))


def sample():
    r = np.random.default_rng(0)
    return {'counts': r.poisson(2.0, (8, 12, 4)).astype('float32'), 'site': r.normal(size=(8, 3)).astype('float32'),
            'y': r.poisson(2.0, (8, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/53779', 'source_kind': 'report',
    'title': 'keras.layers.SimpleRNN/LSTM output NaN when setting "activation" to "exponential"',
    'category': 'nonfinite_gradient',
    'culprit': {'input': 'counts', 'variable': 'rnn', 'layer': 'rnn', 'op': 'Exp', 'line': "return body(L.SimpleRNN(16, activation='exponential', name='rnn'))"},
    'why': 'The state is the exponential of a product with the last state: it overflows within a few steps.',
    'fix': 'tanh in the recurrence; the exponential only at the output.',
    'also': [{'layer': 'rnn', 'line': 'h = cell(counts)'}, {'op': 'MatMul'}, {'op': 'While'}],
}
