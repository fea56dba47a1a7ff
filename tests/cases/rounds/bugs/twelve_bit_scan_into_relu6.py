"""A scan of 12-bit numbers goes unscaled into a stem with relu6, which is flat at both ends for every pixel."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m4_twelve_bit_s')


def make(scale):
    keras.utils.set_random_seed(36)
    scan = keras.Input((24, 24, 1), name='scan')
    dose = keras.Input((1,), name='dose')
    x = L.Rescaling(scale, name='to_unit')(scan)
    h = L.Conv2D(8, 3, strides=2, use_bias=False, activation='relu6', name='stem')(x)
    h = L.DepthwiseConv2D(3, name='depthwise')(h)
    h = L.LayerNormalization(name='norm')(L.Conv2D(12, 1, activation='relu6', name='pointwise')(h))
    h = L.Concatenate(name='joined')([L.GlobalAveragePooling2D(name='pool')(h), dose])
    model = keras.Model({'scan': scan, 'dose': dose}, L.Dense(3, activation='softmax', name='grade')(h))
    model.compile('adam', 'sparse_categorical_crossentropy')
    return model


def build():
    return make(1.0)


def fixed():
    return make(1.0 / 4095)


def sample():
    r = np.random.default_rng(37)
    tissue = 1000 + 300 * r.random((4, 1, 1, 1)) + 60 * r.random((4, 24, 24, 1))
    return {'scan': tissue.astype('float32'), 'dose': r.random((4, 1)).astype('float32'), 'y': r.integers(0, 3, (4,)).astype('int32')}


def _at(line=None, layer=None, op=None, variable=None, input=None):
    return {'input': input, 'variable': variable, 'layer': layer, 'op': op, 'line': line}


EXPECT = {
    'source': 'own',
    'title': 'CT grade classifier: the stem never changes',
    'source_kind': 'own',
    'category': 'saturation',
    'culprit': _at("h = L.Conv2D(8, 3, strides=2, use_bias=False, activation='relu6', name='stem')(x)", 'stem', 'Relu6', 'stem', 'scan'),
    'why': 'Sums of numbers about 1000 lie below 0 or above 6 at every pixel; relu6 is flat there.',
    'fix': 'Scale the pixels to about [0, 1] (1 / 4095).',
    'also': [_at(layer='stem'), _at(op='Relu6'), _at(variable='stem'), _at(input='scan'), _at("x = L.Rescaling(scale, name='to_unit')(scan)"), _at(layer='to_unit'),
             _at('return make(1.0)'), _at(op='Minimum'), _at(op='Maximum')],
}
