"""A learned contrast curve in front of an area resize, which has no gradient in TensorFlow."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

keras.utils.set_random_seed(2)
reg = keras.saving.register_keras_serializable(package='m5_area')


@reg
class Thumbnail(L.Layer):
    def __init__(self, size=8, method='area', **kw):
        super().__init__(**kw)
        self.size, self.method = size, method

    def get_config(self):
        return {**super().get_config(), 'size': self.size, 'method': self.method}

    def call(self, x):
        return tf.image.resize(x, (self.size, self.size), method=self.method)


def net(method):
    page, lang = keras.Input((32, 32, 1), name='page'), keras.Input((4,), name='language')
    h = L.Conv2D(4, 1, activation='tanh', name='contrast')(page)
    h = L.Conv2D(1, 1, name='contrast_out')(h)
    h = Thumbnail(8, method, name='thumb')(h)
    h = L.Flatten()(L.Conv2D(6, 3, activation='relu', name='strokes')(h))
    h = L.Concatenate()([h, L.Dense(4, name='lang_fc')(lang)])
    m = keras.Model([page, lang], L.Dense(10, name='glyph')(h))
    m.compile('adam', loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return m


def build():
    return net('area')


def fixed():
    return net('bilinear')


def sample():
    r = np.random.default_rng(0)
    return {'page': r.random((6, 32, 32, 1), 'float32'), 'language': np.eye(4, dtype='float32')[r.integers(0, 4, 6)],
            'y': r.integers(0, 10, 6).astype('int32')}


EXPECT = {
    'source': 'https://github.com/tensorflow/swift-apis/pull/706',
    'title': 'Add resize functions (LookupError: gradient registry has no entry for: ResizeArea)',
    'source_kind': 'variant', 'category': 'nondifferentiable_op',
    'culprit': {'input': 'page', 'variable': 'contrast/kernel', 'layer': 'thumb', 'op': 'ResizeArea',
                'line': 'tf.image.resize(x, (self.size, self.size), method=self.method)'},
    'why': 'ResizeArea has no registered gradient, so the tape raises as soon as something trainable stands before it.',
    'fix': "Use method='bilinear' (with antialias) or average pooling.",
    'also': [{'op': None, 'line': "return net('area')", 'layer': None}, {'op': None, 'line': "Thumbnail(8, method, name='thumb')", 'layer': None},
             {'op': None, 'line': "method='area'", 'layer': None}],
}
