"""The attention over the tiles of a slide is normalised along the batch, so patients share their weights."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m4_bag_attentio')


@reg
class BagAttention(L.Layer):
    """Gated attention pooling over the tiles of a slide."""

    def __init__(self, units=6, axis=0, **kw):
        super().__init__(**kw)
        self.units, self.axis = units, axis
        self.tanh, self.gate, self.score = L.Dense(units, 'tanh', name='tanh'), L.Dense(units, 'sigmoid', name='gate'), L.Dense(1, name='score')

    def build(self, shape):
        self.tanh.build(shape)
        self.gate.build(shape)
        self.score.build(tuple(shape[:-1]) + (self.units,))

    def call(self, tiles):
        logits = self.score(self.tanh(tiles) * self.gate(tiles))
        weights = ops.softmax(logits, axis=self.axis)
        return ops.sum(weights * tiles, axis=1)

    def compute_output_shape(self, shape):
        return (shape[0], shape[-1])

    def get_config(self):
        return {**super().get_config(), 'units': self.units, 'axis': self.axis}


def make(axis):
    keras.utils.set_random_seed(19)
    tiles = keras.Input((10, 12), name='tiles')
    age = keras.Input((1,), name='age')
    h = L.Dense(8, activation='gelu', name='project')(tiles)
    slide = BagAttention(axis=axis, name='bag_attention')(h)
    out = L.Dense(1, activation='sigmoid', name='tumour')(L.Concatenate()([slide, age]))
    model = keras.Model({'tiles': tiles, 'age': age}, out)
    model.compile('adam', 'binary_crossentropy')
    return model


def build():
    return make(0)


def fixed():
    return make(1)


def sample():
    r = np.random.default_rng(20)
    return {'tiles': r.normal(size=(5, 10, 12)).astype('float32'), 'age': r.random((5, 1)).astype('float32'),
            'y': r.integers(0, 2, (5, 1)).astype('float32')}


def _at(line=None, layer=None, op=None, variable=None, input=None):
    return {'input': input, 'variable': variable, 'layer': layer, 'op': op, 'line': line}


EXPECT = {
    'source': 'https://github.com/google-research-datasets/answer-equivalence-dataset/issues/1',
    'title': 'Problem with batch computation',
    'source_kind': 'variant',
    'category': 'batch_mixing',
    'culprit': _at('weights = ops.softmax(logits, axis=self.axis)', 'bag_attention', 'Softmax', None, 'tiles'),
    'why': 'Axis 0 is the batch: the weights of a patient depend on the other patients of the batch.',
    'fix': 'Normalise along the tiles (axis=1).',
    'also': [_at(layer='bag_attention'), _at(op='Softmax'), _at('return make(0)'), _at("slide = BagAttention(axis=axis, name='bag_attention')(h)"),
             _at(op='Exp'), _at(op='Transpose'), _at(op='Sum'), _at(op='RealDiv')],
}
