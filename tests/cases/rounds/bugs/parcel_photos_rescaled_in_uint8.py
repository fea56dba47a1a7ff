"""Rescaling(1/255) with dtype='uint8', as a workaround for uint8 inputs, hands uint8 to the first convolution."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

keras.utils.set_random_seed(10)


def net(dtype):
    photo, weight = keras.Input((20, 20, 3), dtype='uint8', name='photo'), keras.Input((1,), name='weight_kg')
    x = L.Rescaling(1.0 / 255.0, dtype=dtype, name='to_unit')(photo)
    x = L.Conv2D(6, 3, strides=2, activation='relu', name='conv1')(x)
    x = L.GlobalAveragePooling2D()(L.Conv2D(8, 3, activation='relu', name='conv2')(x))
    h = L.Concatenate()([x, L.Dense(4, activation='relu', name='weight_fc')(weight)])
    m = keras.Model([photo, weight], {'damaged': L.Dense(1, activation='sigmoid', name='damaged')(h), 'kind': L.Dense(3, activation='softmax', name='kind')(h)})
    m.compile('adam', loss={'damaged': 'binary_crossentropy', 'kind': 'sparse_categorical_crossentropy'})
    return m


def build():
    return net('uint8')


def fixed():
    return net('float32')


def sample():
    r = np.random.default_rng(0)
    return {'photo': r.integers(0, 255, (6, 20, 20, 3)).astype('uint8'), 'weight_kg': r.random((6, 1), 'float32') * 5,
            'y:damaged': r.integers(0, 2, (6, 1)).astype('float32'), 'y:kind': r.integers(0, 3, 6).astype('int32')}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/18464',
    'title': 'Rescaling layer defaults to "float32" if dtype not specified - input is uint8',
    'source_kind': 'variant', 'category': 'dtype_mismatch',
    'culprit': {'input': 'photo', 'variable': 'conv1/kernel', 'layer': 'to_unit', 'op': None, 'line': "L.Rescaling(1.0 / 255.0, dtype=dtype, name='to_unit')"},
    'why': 'The layer computes in uint8 (1/255 is 0 there) and gives uint8; the float32 kernel of the convolution cannot be used with it and the call raises.',
    'fix': "Leave the layer in float32.",
    'also': [{'op': 'Mul', 'layer': 'to_unit', 'line': None}, {'op': 'Cast', 'layer': 'to_unit', 'line': None}, {'op': None, 'layer': None, 'line': "return net('uint8')"},
             {'op': None, 'layer': 'conv1', 'line': None}, {'op': 'Conv2D', 'layer': 'conv1', 'line': "name='conv1'"}],
}
