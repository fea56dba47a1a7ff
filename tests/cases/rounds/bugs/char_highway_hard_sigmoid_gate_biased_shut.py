"""A highway block whose transform gate is a hard sigmoid with bias -4 is shut for good."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

keras.utils.set_random_seed(18)
reg = keras.saving.register_keras_serializable(package='m5_highway')


@reg
class Highway(L.Layer):
    def __init__(self, gate='hard_sigmoid', **kw):
        super().__init__(**kw)
        self.gate = gate

    def get_config(self):
        return {**super().get_config(), 'gate': self.gate}

    def build(self, s):
        self.h = L.Dense(s[-1], activation='relu', name='h')
        self.t = L.Dense(s[-1], activation=self.gate, bias_initializer=keras.initializers.Constant(-4.0), name='t')
        self.h.build(s)
        self.t.build(s)

    def call(self, x):
        t = self.t(x)
        return t * self.h(x) + (1.0 - t) * x


def net(gate):
    chars, caps = keras.Input((14,), dtype='int32', name='chars'), keras.Input((2,), name='caps')
    e = L.Embedding(30, 6, name='char_emb')(chars)
    h = L.Concatenate()([L.GlobalMaxPooling1D()(L.Conv1D(4, k, activation='tanh', name=f'conv_{k}')(e)) for k in (2, 3)])
    h = Highway(gate, name='highway_1')(h)
    h = Highway(gate, name='highway_2')(h)
    m = keras.Model({'chars': chars, 'caps': caps}, L.Dense(5, activation='softmax', name='tag')(L.Concatenate()([h, caps])))
    m.compile('adam', loss='sparse_categorical_crossentropy')
    return m


def build():
    return net('hard_sigmoid')


def fixed():
    return net('sigmoid')


def sample():
    r = np.random.default_rng(0)
    return {'chars': r.integers(0, 30, (8, 14)).astype('int32'), 'caps': r.random((8, 2), 'float32'), 'y': r.integers(0, 5, 8).astype('int32')}


EXPECT = {
    'source': 'https://github.com/NjoyimPeguy/ICDAR-2019-RRC-SROIE/issues/4', 'title': 'Highway network relu instead of sigmoid', 'source_kind': 'variant', 'category': 'saturation',
    'culprit': {'input': None, 'variable': 'highway_1/t/kernel', 'layer': 'highway_1', 'op': 'Relu6', 'line': 'activation=self.gate, bias_initializer=keras.initializers.Constant(-4.0)'},
    'why': 'hard_sigmoid is exactly 0 below -3: with t = 0 neither the gate nor the transform branch gets a gradient.',
    'fix': 'A sigmoid gate (or a bias of -1).',
    'also': [{'variable': 'highway_1/h', 'op': None, 'layer': None, 'line': None}, {'op': None, 'layer': 't', 'line': None}, {'op': None, 'layer': 'highway_2', 'line': None}, {'op': 'Mul', 'layer': 'highway_1', 'line': 'return t * self.h(x) + (1.0 - t) * x'},
             {'op': None, 'layer': None, 'line': 't = self.t(x)'}, {'op': None, 'layer': None, 'line': "net('hard_sigmoid')"}, {'op': None, 'layer': None, 'line': "Highway(gate, name='highway_1')"}],
}
