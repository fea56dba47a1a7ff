"""A fully convolutional U-Net gets crops of 18 pixels, which two poolings do not divide."""
import keras
import numpy as np
from keras import layers


def block(x, filters, name):
    x = layers.Conv2D(filters, 3, padding='same', name=name + '_conv')(x)
    x = layers.GroupNormalization(2, name=name + '_norm')(x)
    return layers.Activation('relu', name=name + '_act')(x)


def build():
    keras.utils.set_random_seed(59)
    scan = keras.Input((None, None, 1), name='scan')
    skips, x = [], scan
    for level, filters in enumerate((4, 8)):
        x = block(x, filters, f'down{level}')
        skips.append(x)
        x = layers.MaxPooling2D(2, name=f'pool{level}')(x)
    x = block(x, 16, 'bottom')
    for level, filters in ((1, 8), (0, 4)):
        x = layers.Conv2DTranspose(filters, 2, strides=2, name=f'up{level}')(x)
        x = layers.Concatenate(name=f'skip{level}')([x, skips[level]])
        x = block(x, filters, f'merge{level}')
    mask = layers.Conv2D(1, 1, activation='sigmoid', name='lesion')(x)
    model = keras.Model(scan, mask)
    model.compile('adam', 'binary_crossentropy')
    return model


fixed = build


def crops(size):
    r = np.random.default_rng(15)
    return {'scan': r.normal(size=(3, size, size, 1)).astype('float32'), 'y': (r.uniform(size=(3, size, size, 1)) < 0.2).astype('float32')}


def sample():
    return crops(18)


def fixed_sample():
    return crops(20)


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/19964',
    'title': 'ValueError: A `Concatenate` layer requires inputs with matching shapes except for the concatenation axis',
    'source_kind': 'variant',
    'category': 'shape_mismatch',
    'culprit': {'input': 'scan', 'variable': None, 'layer': 'skip1', 'op': None,
                'line': "x = layers.Concatenate(name=f'skip{level}')([x, skips[level]])"},
    'why': '18 -> 9 -> 4 -> 8: the upsampled 8 x 8 map does not fit the 9 x 9 skip connection.',
    'fix': 'Pad or crop the images to a multiple of 4.',
    'also': [{'input': None, 'variable': None, 'layer': 'skip1', 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': 'ConcatV2', 'line': None},
             {'input': None, 'variable': None, 'layer': 'up1', 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': 'pool1', 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'return crops(18)'},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': "scan = keras.Input((None, None, 1), name='scan')"}],
}
