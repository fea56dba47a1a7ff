"""A recommender min-max scales every column, item ids included, before the embedding."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='scaled_item_id_into_embedding')


def net(dtype):
    keras.utils.set_random_seed(20)
    item, ctx = keras.Input((1,), dtype=dtype, name='item'), keras.Input((4,), name='context')
    e = L.Flatten()(L.Embedding(50, 6, name='item_embed')(item))
    z = L.Concatenate()([e, L.Dense(6, activation='relu', name='context_fc')(ctx)])
    z = L.Dense(8, activation='relu', name='mix')(z)
    m = keras.Model({'item': item, 'context': ctx}, L.Dense(1, activation='sigmoid', name='click')(z))
    m.compile(optimizer='adam', loss='binary_crossentropy')
    return m


def build():
    return net('float32')


def fixed():
    return net('int32')


def columns():
    r = np.random.default_rng(0)
    return r.integers(0, 49, (24, 1)), r.normal(size=(24, 4)).astype('float32'), r.integers(0, 2, (24, 1)).astype('float32')


def sample():
    item, ctx, y = columns()
    return {'item': (item / 50.0).astype('float32'), 'context': ctx, 'y': y}


def fixed_sample():
    item, ctx, y = columns()
    return {'item': item.astype('int32'), 'context': ctx, 'y': y}


EXPECT = {
    'source': 'own',
    'title': 'Scaled ids into an embedding',
    'source_kind': 'own',
    'category': 'dtype_mismatch',
    'culprit': {'input': 'item', 'variable': 'item_embed/embeddings', 'layer': 'item_embed', 'op': 'Cast', 'line': "return {'item': (item / 50.0).astype('float32'), 'context': ctx, 'y': y}"},
    'why': 'The embedding casts 0..1 to integers, all 0: all items share one row and the rest of the table is never trained.',
    'fix': 'Pass integer ids.',
    'also': [{'input': 'item', 'variable': None, 'layer': 'item_embed', 'op': 'Cast', 'line': "item, ctx = keras.Input((1,), dtype=dtype, name='item')"},
             {'input': 'item', 'variable': 'item_embed', 'layer': 'item_embed', 'op': None, 'line': "L.Embedding(50, 6, name='item_embed')(item)"},
             {'input': 'item', 'variable': None, 'layer': None, 'op': None, 'line': "return net('float32')"}],
}
