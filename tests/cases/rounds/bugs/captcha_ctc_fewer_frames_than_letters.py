"""Captcha reader whose poolings leave fewer frames than the label has letters."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_captcha_ctc_fewer_frames_than_letters')


def body(last_pool):
    x = inp = keras.Input((16, 32, 1), name='image')
    for i, f in enumerate((8, 12)):
        x = L.Conv2D(f, 3, padding='same', activation='relu', name=f'conv{i}')(x)
        x = L.MaxPooling2D((2, 2), name=f'pool{i}')(x)
    x = L.Conv2D(16, 3, padding='same', activation='relu', name='conv2')(x)
    x = L.MaxPooling2D(last_pool, name='pool2')(x)
    x = L.Permute((2, 1, 3), name='width_first')(x)
    x = L.Reshape((x.shape[1], x.shape[2] * x.shape[3]), name='frames')(x)
    x = L.Bidirectional(L.GRU(12, return_sequences=True), name='reader')(x)
    m = keras.Model(inp, L.Dense(11, name='letters')(x))
    m.compile('adam', loss=keras.losses.CTC())
    return m


def build():
    keras.utils.set_random_seed(1)
    return body(last_pool=(2, 2))


def fixed():
    keras.utils.set_random_seed(1)
    return body(last_pool=(2, 1))


def sample():
    r = np.random.default_rng(0)
    return {'image': r.random((4, 16, 32, 1)).astype('float32'), 'y': r.integers(1, 11, (4, 6)).astype('int32')}


EXPECT = {
    'source': 'https://github.com/FLming/CRNN.tf2/issues/2', 'source_kind': 'variant',
    'title': 'Bug: ctc_loss_calculator.cc: No valid path found',
    'category': 'other',
    'culprit': {'input': None, 'variable': None, 'layer': 'letters', 'op': None, 'line': 'return body(last_pool=(2, 2))'},
    'why': 'Three poolings of the width leave 4 frames for labels of 6 letters: CTC finds no path; the loss stays at some 700 whatever is learnt (infinite in other versions).',
    'fix': 'Pool the height only in the last block, so that there are more frames than letters.',
    'also': [{'layer': 'pool2', 'line': "x = L.MaxPooling2D(last_pool, name='pool2')(x)"},
             {'line': "x = L.MaxPooling2D((2, 2), name=f'pool{i}')(x)"},
             {'line': "m.compile('adam', loss=keras.losses.CTC())"}, {'line': "m = keras.Model(inp, L.Dense(11, name='letters')(x))"},
             {'line': "'y': r.integers(1, 11, (4, 6))"}, {'input': 'y'}, {'op': 'CTCLossV2'}, {'op': 'CTCLoss'}],
}
