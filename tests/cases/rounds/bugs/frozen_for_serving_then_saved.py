"""A model is frozen for serving before it is saved; whoever loads it to train on gets a model without trainable weights."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m4_frozen_for_s')


def network():
    keras.utils.set_random_seed(27)
    query = keras.Input((6,), dtype='int32', name='query')
    document = keras.Input((14,), dtype='int32', name='document')
    age = keras.Input((1,), name='age_days')
    words = L.Embedding(60, 8, mask_zero=True, name='words')
    q = L.GRU(8, name='query_tower')(words(query))
    d = L.Bidirectional(L.GRU(4, name='gru'), name='document_tower')(words(document))
    h = L.Concatenate(name='joined')([L.Multiply(name='match')([q, d]), age])
    return keras.Model({'query': query, 'document': document, 'age_days': age}, L.Dense(1, activation='sigmoid', name='relevance')(h), name='ranker')


def export(model, freeze):
    if freeze:
        model.trainable = False
    model.compile(keras.optimizers.Adam(1e-3), 'binary_crossentropy')
    return model


def build():
    return export(network(), True)


def fixed():
    return export(network(), False)


def sample():
    r = np.random.default_rng(29)
    document = r.integers(1, 60, (8, 14)).astype('int32')
    document[::2, 9:] = 0
    return {'query': r.integers(1, 60, (8, 6)).astype('int32'), 'document': document, 'age_days': r.random((8, 1)).astype('float32'),
            'y': r.integers(0, 2, (8, 1)).astype('float32')}


def _at(line=None, layer=None, op=None, variable=None, input=None):
    return {'input': input, 'variable': variable, 'layer': layer, 'op': op, 'line': line}


EXPECT = {
    'source': 'own',
    'title': 'Ranker loaded for further training: the loss does not change at all',
    'source_kind': 'own',
    'category': 'frozen',
    'culprit': _at('model.trainable = False', None, None, None),
    'why': 'trainable=False is saved with the model and its layers; after loading nothing is left to train.',
    'fix': 'Do not freeze before saving (call the model with training=False for serving), or set trainable = True after loading.',
    'also': [_at(variable='words'), _at(variable='relevance'), _at(variable='query_tower'), _at('return export(network(), True)'), _at(layer='ranker'),
             _at("model.compile(keras.optimizers.Adam(1e-3), 'binary_crossentropy')"), _at(layer='words'), _at(layer='relevance')],
}
