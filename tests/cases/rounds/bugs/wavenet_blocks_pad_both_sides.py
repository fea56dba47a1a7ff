"""WaveNet for the next sample with padding 'same': each output sees the sample that it is to predict."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L
reg = keras.saving.register_keras_serializable(package='wavenet_blocks_pad_both_sides')


def block(x, cond, d, pad):
    f = L.Conv1D(8, 2, dilation_rate=d, padding=pad, name=f'filter_{d}')(x)
    g = L.Conv1D(8, 2, dilation_rate=d, padding=pad, name=f'gate_{d}')(x)
    f = L.Activation('tanh')(L.Add()([f, cond]))
    h = L.Multiply()([f, L.Activation('sigmoid')(g)])
    skip = L.Conv1D(8, 1, name=f'skip_{d}')(h)
    return L.Add()([x, skip]), skip


def net(pad):
    keras.utils.set_random_seed(20)
    w, s = keras.Input((32, 1), name='wave'), keras.Input((), dtype='int32', name='speaker')
    cond = L.Reshape((1, 8))(L.Embedding(5, 8, name='speaker_table')(s))
    x, skips = L.Conv1D(8, 1, name='stem')(w), []
    for d in (1, 2, 4):
        x, k = block(x, cond, d, pad)
        skips.append(k)
    h = L.Activation('relu')(L.Add(name='skips')(skips))
    m = keras.Model({'wave': w, 'speaker': s}, L.Conv1D(1, 1, name='next_sample')(h))
    m.compile('adam', 'mse')
    return m


def build():
    return net('same')


def fixed():
    return net('causal')


def sample():
    r = np.random.default_rng(9)
    w = np.cumsum(r.normal(size=(6, 33, 1)), axis=1).astype('float32') * .3
    return {'wave': w[:, :-1], 'speaker': r.integers(0, 5, (6,)).astype('int32'), 'y': w[:, 1:]}


EXPECT = {
    'source': 'https://github.com/peustr/wavenet/issues/1', 'title': "Causal convolution: padding is 'same' but should be 'causal'", 'source_kind': 'report', 'category': 'other',
    'culprit': {'input': 'wave', 'variable': None, 'layer': 'filter_1', 'op': None, 'line': "return net('same')"},
    'why': 'The output at t reads wave[t + 1], which is its label.', 'fix': "padding='causal'",
    'also': [{'layer': 'gate_1', 'line': None}, {'layer': 'filter_1', 'line': 'f = L.Conv1D(8, 2'}, {'layer': 'filter_1', 'line': None}, {'layer': None, 'line': 'g = L.Conv1D(8, 2'}, {'layer': None, 'line': 'f = L.Conv1D(8, 2'}, {'layer': None, 'line': 'x, k = block(x, cond, d, pad)'}],
}
