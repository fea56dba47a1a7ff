"""The towers of the numeric inputs are appended after the loop instead of in it, so only the last one is used."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m4_only_last_nu')


NUMERIC = ('income', 'balance', 'tenure')
CATEGORIES = {'region': 8, 'product': 6}


def make(in_loop):
    keras.utils.set_random_seed(23)
    inputs = {k: keras.Input((1,), name=k) for k in NUMERIC}
    inputs |= {k: keras.Input((1,), dtype='int32', name=k) for k in CATEGORIES}
    parts = []
    for name, size in CATEGORIES.items():
        parts.append(L.Flatten(name=name + '_flat')(L.Embedding(size, 3, name=name + '_table')(inputs[name])))
    towers = []
    for name in NUMERIC:
        h = L.Dense(4, activation='tanh', name=name + '_tower')(inputs[name])
        if in_loop:
            towers.append(h)
    parts += towers or [h]
    h = L.Dense(10, activation='relu', name='hidden')(L.Concatenate(name='joined')(parts))
    model = keras.Model(inputs, L.Dense(1, activation='sigmoid', name='default_risk')(h))
    model.compile('adam', 'binary_crossentropy')
    return model


def build():
    return make(False)


def fixed():
    return make(True)


def sample():
    r = np.random.default_rng(24)
    s = {k: r.normal(size=(18, 1)).astype('float32') for k in NUMERIC}
    s |= {k: r.integers(0, n, (18, 1)).astype('int32') for k, n in CATEGORIES.items()}
    return s | {'y': r.integers(0, 2, (18, 1)).astype('float32')}


def _at(line=None, layer=None, op=None, variable=None, input=None):
    return {'input': input, 'variable': variable, 'layer': layer, 'op': op, 'line': line}


EXPECT = {
    'source': 'own',
    'title': 'Numeric features have no influence on the credit score',
    'source_kind': 'own',
    'category': 'disconnected_input',
    'culprit': _at('parts += towers or [h]', None, None, None, 'income'),
    'why': 'After the loop h is the tower of the last column; the towers of income and balance lead nowhere.',
    'fix': 'Append each tower inside of the loop.',
    'also': [_at(input='balance'), _at(input='income'), _at("h = L.Dense(4, activation='tanh', name=name + '_tower')(inputs[name])"),
             _at("h = L.Dense(10, activation='relu', name='hidden')(L.Concatenate(name='joined')(parts))"),
             _at("model = keras.Model(inputs, L.Dense(1, activation='sigmoid', name='default_risk')(h))"), _at(layer='joined')],
}
