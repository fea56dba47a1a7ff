"""Point cloud pooling on a sparse matrix: tf.sparse.reduce_max has no gradient."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    p = keras.Input((3,), name='point')
    h = keras.layers.Dense(16, activation='relu', name='point_hidden')(p)
    point_net = keras.Model(p, keras.layers.Dense(1, name='point_score')(h), name='point_net')
    g = keras.Input((2,), name='pooled')
    head = keras.Model(g, keras.layers.Dense(1, name='head_out')(g), name='head')
    return {'point_net': point_net, 'head': head, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    cells = np.repeat(np.arange(6), [3, 5, 2, 4, 6, 1]).astype('int64')
    return {'points': r.normal(size=(21, 3)).astype('float32'), 'cells': cells, 'volume': r.normal(size=(6, 1)).astype('float32'),
            'y': r.normal(size=(6, 1)).astype('float32')}


def models(built):
    return [built['point_net'], built['head']]


def step(built, sample):
    variables = built['point_net'].trainable_variables + built['head'].trainable_variables
    count = len(sample['cells'])
    with tf.GradientTape() as tape:
        scores = built['point_net'](sample['points'], training=True)[:, 0]
        indices = tf.stack([sample['cells'], tf.range(count, dtype=tf.int64)], axis=1)
        occupancy = tf.SparseTensor(indices, scores, (6, count))
        pooled = tf.reshape(tf.sparse.reduce_max(occupancy, axis=1), (6, 1))
        out = built['head'](tf.concat([pooled, sample['volume']], axis=-1), training=True)
        loss = tf.reduce_mean((out - sample['y']) ** 2)
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients(zip(grads, variables))
    return {'loss': loss}


def fixed_step(built, sample):
    variables = built['point_net'].trainable_variables + built['head'].trainable_variables
    with tf.GradientTape() as tape:
        scores = built['point_net'](sample['points'], training=True)[:, 0]
        pooled = tf.reshape(tf.math.unsorted_segment_max(scores, sample['cells'], 6), (6, 1))
        out = built['head'](tf.concat([pooled, sample['volume']], axis=-1), training=True)
        loss = tf.reduce_mean((out - sample['y']) ** 2)
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients(zip(grads, variables))
    return {'loss': loss}


LINE = 'pooled = tf.reshape(tf.sparse.reduce_max(occupancy, axis=1), (6, 1))'
EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/54214',
    'title': 'Gradient for tf.sparse.reduce_max',
    'source_kind': 'report',
    'category': 'nondifferentiable_op',
    'culprit': {'input': 'points', 'variable': 'point_hidden/kernel', 'layer': None, 'op': 'SparseReduceMax', 'line': LINE},
    'why': 'No gradient is registered for SparseReduceMax.',
    'fix': 'tf.math.unsorted_segment_max (or a dense maximum).',
}
EXPECT['also'] = [{'variable': 'point_', 'op': 'SparseReduceMax'}, {'variable': 'point_', 'line': LINE}, {'line': LINE},
                  {'op': 'SparseReduceMax', 'line': 'grads = tape.gradient(loss, variables)'}]
