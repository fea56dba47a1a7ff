"""Two towers: in-batch softmax with logQ correction; after the update the serving index is assigned."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(108)
    u = keras.Input((), dtype='int32', name='user')
    user = keras.Model(u, keras.layers.Dense(8, name='u_out')(keras.layers.Embedding(10, 8, name='u_table')(u)), name='user_tower')
    i, f = keras.Input((), dtype='int32', name='item'), keras.Input((4,), name='features')
    h = keras.layers.Concatenate(name='i_join')([keras.layers.Embedding(12, 8, name='i_table')(i), f])
    item = keras.Model([i, f], keras.layers.Dense(8, name='i_out')(h), name='item_tower')
    return {'user': user, 'item': item, 'index': tf.Variable(tf.zeros([12, 8]), trainable=False), 'optimizer': keras.optimizers.Adagrad(0.1)}


def sample():
    r = np.random.default_rng(108)
    return {'user': r.integers(0, 10, 16).astype('int32'), 'item': r.permutation(12)[:12].repeat(2)[:16].astype('int32'),
            'catalogue': r.normal(size=(12, 4)).astype('float32'), 'popularity': r.dirichlet(np.ones(12)).astype('float32')}


def models(built):
    return [built['user'], built['item']]


def in_batch_softmax(q, k, ids, popularity, temperature=0.5):
    logits = tf.matmul(q, k, transpose_b=True) / temperature - tf.math.log(tf.gather(popularity, ids) + 1e-6)
    same = tf.logical_and(ids[:, None] == ids[None, :], ~tf.eye(len(ids), dtype=tf.bool))
    logits = tf.where(same, -1e9, logits)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(tf.range(len(ids)), logits))


def step(built, sample):
    sample = {k: tf.convert_to_tensor(v) for k, v in sample.items()}
    weights = built['user'].trainable_variables + built['item'].trainable_variables
    ids = tf.convert_to_tensor(sample['item'])
    with tf.GradientTape() as tape:
        q = built['user'](sample['user'], training=True)
        k = built['item']([ids, tf.gather(sample['catalogue'], ids)], training=True)
        loss = in_batch_softmax(q, k, ids, sample['popularity'])
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    built['index'].assign(built['item']([tf.range(12), sample['catalogue']]))
    recall = tf.reduce_mean(tf.cast(tf.math.in_top_k(ids, tf.matmul(built['user'](sample['user']), built['index'], transpose_b=True), 3), tf.float32))
    return {'loss': loss, 'recall': recall.numpy()}


NOTES = dict(family='recommender', why_hard='assignment of the item tower after the update', legit_nongradient=[])
