"""Basket recommender on ragged rows: the mean of an empty basket is 0/0 and its NaN reaches the whole embedding table."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    i = keras.Input((), dtype='int32', name='item')
    items = keras.Model(i, keras.layers.Embedding(30, 8, name='item_table')(i), name='items')
    p, c = keras.Input((8,), name='profile'), keras.Input((8,), name='candidate')
    h = keras.layers.Dense(8, activation='tanh', name='tower_dense')(p)
    score = keras.Model([p, c], keras.layers.Dot(axes=-1, name='tower_dot')([h, c]), name='tower')
    return {'items': items, 'tower': score, 'optimizer': keras.optimizers.Adam(1e-2)}


def sample():
    r = np.random.default_rng(0)
    lengths = np.array([4, 2, 0, 5, 1, 3], 'int64')
    return {'baskets': r.integers(0, 30, lengths.sum()).astype('int32'), 'lengths': lengths, 'candidate': r.integers(0, 30, 6).astype('int32'),
            'y': r.integers(0, 2, (6, 1)).astype('float32')}


def models(built):
    return [built['items'], built['tower']]


def step(built, sample):
    variables = built['items'].trainable_variables + built['tower'].trainable_variables
    with tf.GradientTape() as tape:
        vectors = built['items'](sample['baskets'])
        rows = tf.RaggedTensor.from_row_lengths(vectors, sample['lengths'])
        profile = tf.reduce_mean(rows, axis=1)
        logits = built['tower']([profile, built['items'](sample['candidate'])], training=True)
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(sample['y'], logits))
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients(zip(grads, variables))
    return {'loss': loss}


def fixed_step(built, sample):
    variables = built['items'].trainable_variables + built['tower'].trainable_variables
    with tf.GradientTape() as tape:
        vectors = built['items'](sample['baskets'])
        rows = tf.RaggedTensor.from_row_lengths(vectors, sample['lengths'])
        profile = tf.reduce_sum(rows, axis=1) / tf.cast(tf.maximum(rows.row_lengths(), 1), tf.float32)[:, None]
        logits = built['tower']([profile, built['items'](sample['candidate'])], training=True)
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(sample['y'], logits))
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients(zip(grads, variables))
    return {'loss': loss}


LINE = 'profile = tf.reduce_mean(rows, axis=1)'
EXPECT = {
    'source': 'own', 'title': 'Mean of an empty ragged row', 'source_kind': 'own',
    'category': 'nonfinite_gradient',
    'culprit': {'input': None, 'variable': 'item_table', 'layer': None, 'op': 'RealDiv', 'line': LINE},
    'why': 'reduce_mean of a ragged tensor divides the sum by the length of the row; for the empty one that is 0/0.',
    'fix': 'Divide the sum by max(length, 1).',
}
EXPECT['also'] = [{'variable': 'tower_dense', 'line': LINE}, {'input': 'lengths', 'line': LINE}, {'input': 'baskets', 'line': LINE}, {'op': 'RealDiv'}, {'line': LINE},
                  {'op': 'UnsortedSegmentSum', 'line': LINE}]
