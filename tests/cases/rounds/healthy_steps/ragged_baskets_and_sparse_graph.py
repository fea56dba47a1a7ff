"""Ragged baskets with an empty row and a sparse co-occurrence matrix: guarded mean, sparse-dense product, sampled negatives."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    i = keras.Input((), dtype='int32', name='item')
    items = keras.Model(i, keras.layers.Embedding(12, 8, name='item_table')(i), name='items')
    p = keras.Input((8,), name='profile')
    tower = keras.Model(p, keras.layers.Dense(8, activation='tanh', name='tower_dense')(p), name='tower')
    return {'items': items, 'tower': tower, 'optimizer': keras.optimizers.Adagrad(0.05)}


def sample():
    r = np.random.default_rng(0)
    lengths = np.array([4, 2, 0, 5, 1, 3], 'int64')
    edges = np.array(sorted({(int(a), int(b)) for a, b in r.integers(0, 12, (20, 2))}), 'int64')
    return {'baskets': r.integers(0, 12, lengths.sum()).astype('int32'), 'lengths': lengths, 'edges': edges,
            'positive': r.integers(0, 12, 6).astype('int32'), 'negative': r.integers(0, 12, (6, 4)).astype('int32')}


def models(built):
    return [built['items'], built['tower']]


def step(built, sample):
    items, tower = models(built)
    variables = items.trainable_variables + tower.trainable_variables
    graph = tf.SparseTensor(sample['edges'], tf.ones(len(sample['edges'])), (12, 12))
    degree = tf.maximum(tf.sparse.reduce_sum(graph, axis=1), 1.0)
    with tf.GradientTape() as tape:
        table = items(tf.range(12))
        smooth = table + 0.5 * tf.sparse.sparse_dense_matmul(graph, table) / degree[:, None]
        rows = tf.RaggedTensor.from_row_lengths(tf.gather(smooth, sample['baskets']), sample['lengths'])
        mean = tf.reduce_sum(rows, axis=1) / tf.cast(tf.maximum(rows.row_lengths(), 1), tf.float32)[:, None]
        user = tower(mean, training=True)
        good = tf.reduce_sum(user * tf.gather(smooth, sample['positive']), axis=-1)
        bad = tf.einsum('bd,bnd->bn', user, tf.gather(smooth, sample['negative']))
        loss = tf.reduce_mean(tf.nn.softplus(-good)) + tf.reduce_mean(tf.nn.softplus(bad))
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, variables), variables))
    return {'loss': loss}
