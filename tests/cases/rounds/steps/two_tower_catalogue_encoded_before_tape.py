"""Retrieval with two towers: the catalogue is encoded once, before the tape opens, and the item tower is never trained."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(16)
    user = keras.Input((), dtype='int32', name='user_id')
    history = keras.Input((5,), dtype='int32', name='history')
    u = keras.layers.Embedding(30, 8, name='user_table')(user)
    h = keras.layers.GlobalAveragePooling1D(name='history_mean')(keras.layers.Embedding(25, 8, name='history_table')(history))
    q = keras.layers.Dense(8, name='query_fc')(keras.layers.Concatenate(name='query_in')([u, h]))
    query_tower = keras.Model({'user_id': user, 'history': history}, q, name='query_tower')
    item = keras.Input((), dtype='int32', name='item_id')
    genre = keras.Input((4,), name='genre')
    i = keras.layers.Embedding(25, 8, name='item_table')(item)
    c = keras.layers.Dense(8, name='item_fc')(keras.layers.Concatenate(name='item_in')([i, genre]))
    item_tower = keras.Model({'item_id': item, 'genre': genre}, c, name='item_tower')
    return {'query': query_tower, 'item': item_tower, 'optimizer': keras.optimizers.Adagrad(0.1)}


def sample():
    r = np.random.default_rng(16)
    return {'user_id': r.integers(0, 30, 12).astype('int32'), 'history': r.integers(0, 25, (12, 5)).astype('int32'),
            'clicked': r.integers(0, 25, 12).astype('int32'),
            'catalogue_id': np.arange(25, dtype='int32'), 'catalogue_genre': r.random((25, 4)).astype('float32')}


def models(built):
    return [built['query'], built['item']]


sparse_ce = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def finish(built, tape, loss):
    weights = built['query'].trainable_variables + built['item'].trainable_variables
    grads = tape.gradient(loss, weights)
    built['optimizer'].apply_gradients(zip(grads, weights))


def step(built, sample):
    catalogue = built['item']({'item_id': sample['catalogue_id'], 'genre': sample['catalogue_genre']}, training=True)
    with tf.GradientTape() as tape:
        query = built['query']({'user_id': sample['user_id'], 'history': sample['history']}, training=True)
        scores = tf.matmul(query, catalogue, transpose_b=True)
        loss = sparse_ce(sample['clicked'], scores)
    finish(built, tape, loss)
    top = tf.math.in_top_k(sample['clicked'], scores, 10)
    return {'loss': loss, 'recall_at_10': tf.reduce_mean(tf.cast(top, tf.float32))}


def fixed_step(built, sample):
    with tf.GradientTape() as tape:
        catalogue = built['item']({'item_id': sample['catalogue_id'], 'genre': sample['catalogue_genre']}, training=True)
        query = built['query']({'user_id': sample['user_id'], 'history': sample['history']}, training=True)
        loss = sparse_ce(sample['clicked'], tf.matmul(query, catalogue, transpose_b=True))
    finish(built, tape, loss)
    return {'loss': loss}


EXPECT = {
    'source': 'own',
    'title': 'Item embeddings computed outside of the tape',
    'source_kind': 'own',
    'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'item_table', 'layer': 'item_tower', 'op': None,
                'line': "catalogue = built['item']({'item_id': sample['catalogue_id'], 'genre': sample['catalogue_genre']}, training=True)"},
    'why': 'The call of the item tower is not recorded; its gradients are None and Keras leaves its variables as they are (with a warning).',
    'fix': 'Encode the catalogue inside of the block of the tape.',
    'symptom': [('none', 'item_'), ('unmoved', 'item_')],
    'also': [
        {'variable': 'item_', 'layer': None, 'line': "catalogue = built['item']("},
        {'variable': 'item_', 'layer': None, 'line': 'scores = tf.matmul(query, catalogue, transpose_b=True)'},
        {'variable': 'item_', 'layer': None, 'line': 'grads = tape.gradient(loss, weights)', 'severity': 'warning'},
    ],
}
