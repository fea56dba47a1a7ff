"""The last convolution of a next-frame forecaster is padded on both sides in time, so it sees the frame that it predicts."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m4_next_frame_h')


def make(steps):
    keras.utils.set_random_seed(38)
    frames = keras.Input((6, 8, 8, 1), name='frames')
    x = L.ConvLSTM2D(4, 3, padding='same', return_sequences=True, name='memory')(frames)
    x = L.LayerNormalization(name='norm')(x)
    x = L.Conv3D(1, (steps, 3, 3), padding='same', activation='sigmoid', name='to_pixels')(x)
    model = keras.Model(frames, x)
    model.compile('adam', 'binary_crossentropy')
    return model


def build():
    return make(3)


def fixed():
    return make(1)


def sample():
    r = np.random.default_rng(39)
    clip = r.random((3, 7, 8, 8, 1)).astype('float32')
    return {'frames': clip[:, :-1], 'y': clip[:, 1:]}


def _at(line=None, layer=None, op=None, variable=None, input=None):
    return {'input': input, 'variable': variable, 'layer': layer, 'op': op, 'line': line}


EXPECT = {
    'source': 'https://github.com/keras-team/keras-io/issues/1003',
    'title': 'Data leakage in Next-Frame Video Prediction with Convolutional LSTMs',
    'source_kind': 'report',
    'category': 'other',
    'culprit': _at("x = L.Conv3D(1, (steps, 3, 3), padding='same', activation='sigmoid', name='to_pixels')(x)", 'to_pixels', 'Conv3D', None, 'frames'),
    'why': 'The target at step t is frame t+1, and a kernel of three steps with padding on both sides reads frame t+1.',
    'fix': 'Use a kernel of one step (or pad on the left only).',
    'also': [_at(layer='to_pixels'), _at(op='Conv3D'), _at('return make(3)'), _at(input='frames'), _at("return {'frames': clip[:, :-1], 'y': clip[:, 1:]}")],
}
