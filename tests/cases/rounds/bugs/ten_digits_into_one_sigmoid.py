"""Digit classifier with a single sigmoid and labels from 0 to 9."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_ten_digits_into_one_sigmoid')


def body(out, loss):
    img = keras.Input((12, 12), name='digits')
    h = L.Flatten(name='flatten')(img)
    h = L.Dense(32, activation='relu', name='hidden')(h)
    m = keras.Model(img, out(h))
    m.compile(optimizer='adam', loss=loss, metrics=['accuracy'])
    return m


def build():
    keras.utils.set_random_seed(12)
    return body(L.Dense(1, activation='sigmoid', name='digit'), 'binary_crossentropy')


def fixed():
    keras.utils.set_random_seed(12)
    return body(L.Dense(10, activation='softmax', name='digit'), 'sparse_categorical_crossentropy')


def sample():
    r = np.random.default_rng(0)
    return {'digits': r.random((30, 12, 12)).astype('float32'), 'y': np.tile(np.arange(10), 3)[:, None].astype('int32')}


EXPECT = {
    'source': 'https://datascience.stackexchange.com/questions/38604/too-low-accuracy-on-mnist-dataset-using-a-neural-network', 'source_kind': 'report',
    'title': 'Too low accuracy on MNIST dataset using a neural network (loss -55)',
    'category': 'other',
    'culprit': {'input': None, 'variable': None, 'layer': 'digit', 'op': None, 'line': "return body(L.Dense(1, activation='sigmoid', name='digit'), 'binary_crossentropy')"},
    'why': 'Binary cross-entropy with labels up to 9 has no minimum: the loss falls below zero while the output runs to 1 for every image.',
    'fix': 'Ten units, softmax, sparse categorical cross-entropy.',
    'also': [{'line': "m.compile(optimizer='adam', loss=loss, metrics=['accuracy'])"}, {'line': 'm = keras.Model(img, out(h))'}, {'input': 'y'},
             {'line': "'y': np.tile(np.arange(10), 3)[:, None].astype('int32')"}],
}
