"""The look-back window is reshaped into the features of a single time step, so the LSTM never recurs."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L
reg = keras.saving.register_keras_serializable(package='passengers_lstm_window_as_features')


def net(shape):
    keras.utils.set_random_seed(18)
    w, c = keras.Input((12,), name='window'), keras.Input((4,), name='calendar')
    seq = L.Reshape(shape, name='to_sequence')(w)
    h = L.LSTM(8, name='lstm')(seq)
    h = L.Concatenate()([h, L.Dense(4, activation='relu', name='season')(c)])
    m = keras.Model({'window': w, 'calendar': c}, L.Dense(1, name='next_month')(h))
    m.compile('adam', 'mse')
    return m


def build():
    return net((1, 12))


def fixed():
    return net((12, 1))


def sample():
    r = np.random.default_rng(7)
    t = np.arange(12) + r.integers(0, 100, (20, 1))
    s = np.sin(t / 2.0) + .1 * r.normal(size=t.shape)
    return {'window': s.astype('float32'), 'calendar': r.random((20, 4)).astype('float32'), 'y': np.sin((t[:, -1:] + 1) / 2.0).astype('float32')}


EXPECT = {
    'source': 'https://stats.stackexchange.com/questions/534975/why-lstm-still-works-with-only-1-time-step', 'title': 'Why LSTM still works with only 1 time step',
    'source_kind': 'report', 'category': 'zero_gradient',
    'culprit': {'input': None, 'variable': 'recurrent_kernel', 'layer': 'lstm', 'op': None, 'line': 'return net((1, 12))'},
    'why': 'With one step the state is zero whenever it is multiplied by the recurrent kernel: its gradient is exactly zero.', 'fix': 'Reshape to (12, 1).',
    'also': [{'layer': 'to_sequence', 'line': 'seq = L.Reshape('}, {'layer': 'lstm', 'line': "h = L.LSTM(8, name='lstm')(seq)"}, {'layer': 'lstm', 'line': None}],
}
