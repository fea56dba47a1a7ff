"""Retina segmentation with deep supervision: compile names losses for the mask and the edges, the auxiliary head gets none."""
import numpy as np
import keras


def conv(x, filters, name):
    x = keras.layers.Conv2D(filters, 3, padding='same', use_bias=False, name=f'{name}_conv')(x)
    return keras.layers.Activation('relu', name=f'{name}_relu')(keras.layers.GroupNormalization(4, name=f'{name}_norm')(x))


def unet(losses):
    keras.utils.set_random_seed(9)
    image = keras.Input((24, 24, 3), name='fundus')
    a = conv(image, 8, 'down_a')
    b = conv(keras.layers.MaxPooling2D(name='half')(a), 12, 'down_b')
    c = conv(keras.layers.MaxPooling2D(name='quarter')(b), 16, 'bottom')
    coarse = conv(c, 8, 'coarse')
    up = keras.layers.Concatenate(name='skip_b')([keras.layers.UpSampling2D(name='up_b')(c), b])
    up = conv(up, 12, 'up_conv_b')
    up = keras.layers.Concatenate(name='skip_a')([keras.layers.UpSampling2D(name='up_a')(up), a])
    up = conv(up, 8, 'up_conv_a')
    outputs = {
        'mask': keras.layers.Conv2D(1, 1, activation='sigmoid', name='mask')(up),
        'edges': keras.layers.Conv2D(1, 1, activation='sigmoid', name='edges')(up),
        'coarse_mask': keras.layers.Conv2D(1, 1, activation='sigmoid', name='coarse_mask')(coarse),
    }
    m = keras.Model({'fundus': image}, outputs)
    m.compile('adam', loss=losses)
    return m


def build():
    return unet({'mask': 'binary_crossentropy', 'edges': 'binary_focal_crossentropy'})


def fixed():
    return unet({'mask': 'binary_crossentropy', 'edges': 'binary_focal_crossentropy', 'coarse_mask': 'binary_crossentropy'})


def sample():
    r = np.random.default_rng(11)
    mask = (r.random((3, 24, 24, 1)) < 0.3).astype('float32')
    return {'fundus': r.normal(size=(3, 24, 24, 3)).astype('float32'), 'y:mask': mask,
            'y:edges': (r.random((3, 24, 24, 1)) < 0.1).astype('float32'), 'y:coarse_mask': mask[:, ::4, ::4]}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/22485',
    'title': 'Multi-output model: an output that is missing from the loss dictionary',
    'source_kind': 'variant',
    'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'coarse_mask/kernel', 'layer': 'coarse_mask', 'op': None,
                'line': "return unet({'mask': 'binary_crossentropy', 'edges': 'binary_focal_crossentropy'})"},
    'why': 'No loss reads coarse_mask; the head and the block before it keep their initial weights.',
    'fix': "Add a loss for 'coarse_mask'.",
}
EXPECT['also'] = [
    {'line': "m.compile('adam', loss=losses)"},
    {'variable': 'coarse', 'layer': 'coarse_conv'},
    {'variable': 'coarse'},
    {'line': "'coarse_mask': keras.layers.Conv2D(1, 1, activation='sigmoid', name='coarse_mask')(coarse)"},
    {'input': 'y:coarse_mask'},
    {'layer': None}, {'line': 'm = keras.Model({\'fundus\': image}, outputs)'},
]
