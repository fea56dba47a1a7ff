"""An input of ratios and z-scores was declared int32 with the categorical ones: its values are truncated."""
import keras
import numpy as np
from keras import layers

SPEC = {'purpose': (1, 'int32'), 'region': (1, 'int32'), 'ratios': (6, 'int32')}
SPEC_FIXED = {**SPEC, 'ratios': (6, 'float32')}


def make(spec):
    keras.utils.set_random_seed(61)
    inputs = {k: keras.Input((n,), dtype=d, name=k) for k, (n, d) in spec.items()}
    purpose = layers.Flatten()(layers.Embedding(7, 3, name='purpose_table')(inputs['purpose']))
    region = layers.Flatten()(layers.Embedding(5, 3, name='region_table')(inputs['region']))
    deep = layers.Dense(10, activation='relu', name='ratio_fc')(inputs['ratios'])
    x = layers.Concatenate(name='join')([purpose, region, deep])
    x = layers.Dense(8, activation='relu', name='deep')(x)
    default = layers.Dense(1, activation='sigmoid', name='default')(x)
    model = keras.Model(inputs, default)
    model.compile('adam', 'binary_crossentropy')
    return model


def build():
    return make(SPEC)


def fixed():
    return make(SPEC_FIXED)


def sample():
    r = np.random.default_rng(16)
    n = 20
    return {'purpose': r.integers(0, 7, (n, 1)).astype('int32'), 'region': r.integers(0, 5, (n, 1)).astype('int32'),
            'ratios': np.clip(r.normal(0, 0.4, (n, 6)), -0.99, 0.99).astype('float32'), 'y': r.integers(0, 2, (n, 1)).astype('float32')}


EXPECT = {
    'source': 'own',
    'title': 'Float features fed to an Input of dtype int32',
    'source_kind': 'own',
    'category': 'dtype_mismatch',
    'culprit': {'input': 'ratios', 'variable': 'ratio_fc/kernel', 'layer': None, 'op': None,
                'line': "SPEC = {'purpose': (1, 'int32'), 'region': (1, 'int32'), 'ratios': (6, 'int32')}"},
    'why': 'Keras casts what it gets to the dtype of the Input: every value in (-1, 1) becomes 0, ratio_fc/kernel has a zero gradient.',
    'fix': "dtype='float32' for ratios",
    'also': [{'input': 'ratios', 'variable': None, 'layer': None, 'op': None, 'line': None},
             {'input': 'ratios', 'variable': None, 'layer': None, 'op': None, 'line': 'inputs = {k: keras.Input((n,), dtype=d, name=k) for k, (n, d) in spec.items()}'},
             {'input': None, 'variable': None, 'layer': 'ratio_fc', 'op': None, 'line': None}],
}
