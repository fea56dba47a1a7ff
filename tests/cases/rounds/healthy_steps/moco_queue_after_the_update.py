"""Retrieval: momentum encoder, queue of negatives that is written after the gradients are applied."""
import numpy as np
import tensorflow as tf
import keras


def net(name):
    return keras.Sequential([keras.Input((10,), dtype='int32'), keras.layers.Embedding(30, 8, name=f'{name}_embedding'), keras.layers.GlobalAveragePooling1D(name=f'{name}_pool'),
                             keras.layers.Dense(6, name=f'{name}_out'), keras.layers.UnitNormalization(name=f'{name}_unit')], name=name)


def build():
    keras.utils.set_random_seed(17)
    query, key = net('query'), net('key')
    key.set_weights(query.get_weights())
    key.trainable = False
    return {'query': query, 'key': key, 'queue': tf.Variable(tf.math.l2_normalize(tf.random.stateless_normal((24, 6), (1, 2)), axis=1), trainable=False), 'opt': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(17)
    a = r.integers(0, 30, (8, 10))
    return {'question': a.astype('int32'), 'answer': np.where(r.random(a.shape) < 0.3, r.integers(0, 30, a.shape), a).astype('int32')}


def models(built):
    return [built['query'], built['key']]


def step(built, sample):
    query, key, queue = built['query'], built['key'], built['queue']
    k = key(sample['answer'], training=False)
    with tf.GradientTape() as tape:
        q = query(sample['question'], training=True)
        logits = tf.concat([tf.reduce_sum(q * k, axis=1, keepdims=True), tf.matmul(q, queue, transpose_b=True)], axis=1) / 0.1
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(tf.zeros(8, tf.int32), logits))
    built['opt'].apply_gradients(zip(tape.gradient(loss, query.trainable_variables), query.trainable_variables))
    for a, b in zip(key.weights, query.weights):
        a.assign(0.99 * a + 0.01 * b)
    queue.assign(tf.concat([k, queue[:-8]], axis=0))
    return {'loss': loss}
