"""Each numeric column is normalised over its own axis of length one, so all columns become the constant beta."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m4_layer_norm_o')


@reg
class ColumnTokens(L.Layer):
    """One token for each numeric column: value * weight + bias."""

    def __init__(self, width, **kw):
        super().__init__(**kw)
        self.width = width

    def build(self, shape):
        self.weight = self.add_weight(name='weight', shape=(shape[1], self.width), initializer='glorot_uniform')
        self.bias = self.add_weight(name='bias', shape=(shape[1], self.width), initializer='uniform')

    def call(self, x):
        return x * self.weight + self.bias

    def compute_output_shape(self, shape):
        return (shape[0], shape[1], self.width)

    def get_config(self):
        return {**super().get_config(), 'width': self.width}


def make(right):
    keras.utils.set_random_seed(15)
    columns = keras.Input((7,), name='columns')
    plan = keras.Input((1,), dtype='int32', name='plan')
    if right:
        x = L.Reshape((7, 1), name='as_tokens')(L.LayerNormalization(name='scale')(columns))
    else:
        x = L.Reshape((7, 1), name='as_tokens')(columns)
        x = L.LayerNormalization(name='scale')(x)
    tokens = L.Concatenate(axis=1, name='all_tokens')([ColumnTokens(8, name='column_tokens')(x), L.Embedding(5, 8, name='plan_token')(plan)])
    h = tokens + L.MultiHeadAttention(2, 4, name='attention')(tokens, tokens)
    h = L.GlobalAveragePooling1D(name='pool')(h)
    model = keras.Model({'columns': columns, 'plan': plan}, L.Dense(1, activation='sigmoid', name='churn')(L.Dense(8, activation='gelu', name='hidden')(h)))
    model.compile('adam', 'binary_crossentropy')
    return model


def build():
    return make(False)


def fixed():
    return make(True)


def sample():
    r = np.random.default_rng(16)
    return {'columns': r.normal(size=(14, 7)).astype('float32'), 'plan': r.integers(0, 5, (14, 1)).astype('int32'),
            'y': r.integers(0, 2, (14, 1)).astype('float32')}


def _at(line=None, layer=None, op=None, variable=None, input=None):
    return {'input': input, 'variable': variable, 'layer': layer, 'op': op, 'line': line}


EXPECT = {
    'source': 'own',
    'title': 'Tabular transformer predicts from the plan alone',
    'source_kind': 'own',
    'category': 'zero_gradient',
    'culprit': _at("x = L.LayerNormalization(name='scale')(x)", 'scale', None, None, 'columns'),
    'why': 'A single value minus its own mean is zero: the normalisation hides every column and its weights.',
    'fix': 'Normalise the seven columns before they are split into tokens.',
    'also': [_at(layer='scale'), _at(layer='scale', variable='column_tokens/weight'), _at(layer='scale', variable='scale/gamma'), _at(input='columns'),
             _at("x = L.Reshape((7, 1), name='as_tokens')(columns)"), _at(layer='as_tokens')],
}
