"""Gated tabular block: the value branch is normalised, the sigmoid gate sees raw amounts."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='tabular_gate_on_raw_columns')


def net(raw):
    keras.utils.set_random_seed(19)
    acc, seg = keras.Input((4,), name='account'), keras.Input((1,), dtype='int32', name='segment')
    x = L.LayerNormalization(name='norm')(acc)
    gate = L.Dense(8, activation='sigmoid', name='gate')(acc if raw else x)
    value = L.Dense(8, activation='tanh', name='value')(x)
    h = L.Concatenate()([L.Multiply()([gate, value]), L.Flatten()(L.Embedding(4, 3, name='segment_embed')(seg))])
    m = keras.Model({'account': acc, 'segment': seg}, L.Dense(1, activation='sigmoid', name='default')(h))
    m.compile(optimizer='adam', loss='binary_crossentropy')
    return m


def build():
    return net(True)


def fixed():
    return net(False)


def sample():
    r = np.random.default_rng(0)
    acc = np.stack([r.uniform(3e4, 9e4, 16), r.uniform(1e5, 4e5, 16), r.uniform(1e3, 2e4, 16), r.uniform(1990, 2024, 16)], 1)
    return {'account': acc.astype('float32'), 'segment': r.integers(0, 4, (16, 1)).astype('int32'), 'y': r.integers(0, 2, (16, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/7023',
    'title': 'Same prediction every time.',
    'source_kind': 'variant',
    'category': 'saturation',
    'culprit': {'input': 'account', 'variable': 'gate/kernel', 'layer': 'gate', 'op': 'Sigmoid', 'line': "gate = L.Dense(8, activation='sigmoid', name='gate')(acc if raw else x)"},
    'why': 'Logits of tens of thousands: every gate is exactly 0 or 1, its gradient exactly zero.',
    'fix': 'Feed the gate with the normalised columns.',
    'also': [{'input': 'account', 'variable': 'gate/bias', 'layer': 'gate', 'op': None, 'line': None},
             {'input': 'account', 'variable': 'gate', 'layer': 'gate', 'op': None, 'line': 'return net(True)'}],
}
