"""Language gate made of two bias-free dense layers that both start at zero."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='language_gate_two_zero_layers')


def net(first, second):
    keras.utils.set_random_seed(13)
    frame, phrase = keras.Input((8, 8, 3), name='frame'), keras.Input((5,), dtype='int32', name='phrase')
    v = L.Conv2D(6, 3, strides=2, padding='same', activation='relu', name='vision')(frame)
    t = L.GRU(6, name='reader')(L.Embedding(25, 6, name='words')(phrase))
    t = L.Reshape((1, 1, 6))(t)
    fused = L.Multiply(name='fuse')([v, t])
    g = L.Dense(6, use_bias=False, activation='relu', kernel_initializer=first, name='gate_in')(fused)
    g = L.Dense(6, use_bias=False, activation='tanh', kernel_initializer=second, name='gate_out')(g)
    z = L.Add()([v, L.Multiply()([g, fused])])
    out = L.Conv2D(1, 1, activation='sigmoid', name='refer')(z)
    m = keras.Model({'frame': frame, 'phrase': phrase}, out)
    m.compile(optimizer='adam', loss='binary_crossentropy')
    return m


def build():
    return net('zeros', 'zeros')


def fixed():
    return net('glorot_uniform', 'glorot_uniform')


def sample():
    r = np.random.default_rng(0)
    return {'frame': r.uniform(size=(6, 8, 8, 3)).astype('float32'), 'phrase': r.integers(0, 25, (6, 5)).astype('int32'),
            'y': r.integers(0, 2, (6, 4, 4, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/yz93/LAVT-RIS/issues/25',
    'title': 'About zero initialization',
    'source_kind': 'variant',
    'category': 'zero_gradient',
    'culprit': {'input': 'phrase', 'variable': 'gate_in/kernel', 'layer': 'gate_in', 'op': None, 'line': "return net('zeros', 'zeros')"},
    'why': 'With both kernels zero each one blocks the gradient of the other: the gate stays closed and the language branch never learns.',
    'fix': 'Let at most the last layer start at zero.',
    'also': [{'input': 'phrase', 'variable': 'gate_out/kernel', 'layer': 'gate_out', 'op': None, 'line': "kernel_initializer=second, name='gate_out'"},
             {'input': None, 'variable': 'gate_in/kernel', 'layer': None, 'op': None, 'line': "kernel_initializer=first, name='gate_in'"},
             {'input': None, 'variable': 'words', 'layer': 'gate_out', 'op': None, 'line': None},
             {'input': None, 'variable': 'reader', 'layer': 'gate_in', 'op': None, 'line': None}],
}
