"""Tabular net with embeddings: the list of embedded columns is created anew in every pass of the loop, only the last column is used."""
import numpy as np
import keras

COLUMNS = {'store': 12, 'weekday': 7, 'promotion': 4}


def net():
    keras.utils.set_random_seed(6)
    inputs = {'prices': keras.Input((5,), name='prices')}
    for name, size in COLUMNS.items():
        embedded = []
        inputs[name] = keras.Input((), dtype='int32', name=name)
        embedded.append(keras.layers.Embedding(size, 4, name=f'{name}_embedding')(inputs[name]))
    return inputs, embedded


def repaired_net():
    keras.utils.set_random_seed(6)
    inputs = {'prices': keras.Input((5,), name='prices')}
    tables = []
    for name, size in COLUMNS.items():
        inputs[name] = keras.Input((), dtype='int32', name=name)
        tables.append(keras.layers.Embedding(size, 4, name=f'{name}_embedding')(inputs[name]))
    return inputs, tables


def head(inputs, embedded):
    x = keras.layers.Concatenate(name='row')(embedded + [keras.layers.BatchNormalization(name='scale_prices')(inputs['prices'])])
    x = keras.layers.Dense(24, activation='relu', name='hidden')(x)
    m = keras.Model(inputs, keras.layers.Dense(1, activation='softplus', name='sales')(x))
    m.compile('adam', 'poisson')
    return m


def build():
    return head(*net())


def fixed():
    return head(*repaired_net())


def sample():
    r = np.random.default_rng(8)
    s = {name: r.integers(0, size, 32).astype('int32') for name, size in COLUMNS.items()}
    return {**s, 'prices': r.normal(size=(32, 5)).astype('float32'), 'y': r.poisson(3.0, (32, 1)).astype('float32')}


EXPECT = {
    'source': 'own',
    'title': 'A list of embeddings that is emptied inside of the loop over the columns',
    'source_kind': 'own',
    'category': 'disconnected_input',
    'culprit': {'input': 'store', 'variable': None, 'layer': None, 'op': None, 'line': 'embedded = []'},
    'why': 'store and weekday are inputs of the model, but no output depends on them; their tables are not even part of it.',
    'fix': 'Create the list before the loop.',
}
EXPECT['also'] = [
    {'input': 'weekday'},
    {'line': 'inputs[name] = keras.Input((), dtype=\'int32\', name=name)'},
    {'input': 'weekday', 'line': 'inputs[name] = keras.Input((), dtype=\'int32\', name=name)'},
    {'line': 'x = keras.layers.Concatenate(name=\'row\')(embedded'},
    {'line': 'm = keras.Model(inputs, keras.layers.Dense(1'},
    {'line': 'embedded.append('},
]
