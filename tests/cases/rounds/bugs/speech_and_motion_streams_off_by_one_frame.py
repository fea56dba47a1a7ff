"""Two sub-models halve the time axis with different paddings, so their frames do not line up."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

keras.utils.set_random_seed(11)


def speech_tower():
    x = keras.Input((None, 8))
    h = L.Conv1D(6, 3, strides=2, padding='same', activation='relu', name='speech_conv')(x)
    return keras.Model(x, h, name='speech_tower')


def motion_tower(padding):
    x = keras.Input((None, 3))
    h = L.Conv1D(4, 3, strides=2, padding=padding, activation='relu', name='motion_conv')(x)
    return keras.Model(x, h, name='motion_tower')


def net(padding):
    mel, imu = keras.Input((None, 8), name='mel'), keras.Input((None, 3), name='imu')
    h = L.Concatenate(axis=-1, name='fuse')([speech_tower()(mel), motion_tower(padding)(imu)])
    h = L.Bidirectional(L.GRU(5), name='bigru')(h)
    m = keras.Model({'mel': mel, 'imu': imu}, L.Dense(4, activation='softmax', name='emotion')(h))
    m.compile('adam', loss='sparse_categorical_crossentropy')
    return m


def build():
    return net('valid')


def fixed():
    return net('same')


def sample():
    r = np.random.default_rng(0)
    return {'mel': r.normal(size=(4, 20, 8)).astype('float32'), 'imu': r.normal(size=(4, 20, 3)).astype('float32'), 'y': r.integers(0, 4, 4).astype('int32')}


EXPECT = {
    'source': 'https://github.com/keras-team/tf-keras/issues/507',
    'title': 'ValueError: A `Concatenate` layer requires inputs with matching shapes except for the concat axis',
    'source_kind': 'variant', 'category': 'shape_mismatch',
    'culprit': {'input': 'imu', 'variable': None, 'layer': 'fuse', 'op': 'ConcatV2', 'line': 'padding=padding'},
    'why': "'same' gives 10 frames of 20 and 'valid' gives 9; with None as the length this is only seen when data come.",
    'fix': "padding='same' in both towers.",
    'also': [{'input': None, 'op': None, 'layer': 'fuse', 'line': "name='fuse'"}, {'input': 'mel', 'op': None, 'layer': None, 'line': None},
             {'op': None, 'layer': 'motion_conv', 'line': None}, {'op': None, 'layer': 'motion_tower', 'line': None}, {'op': None, 'layer': None, 'line': "return net('valid')"}],
}
