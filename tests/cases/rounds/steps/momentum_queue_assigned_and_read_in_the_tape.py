"""Image retrieval with a memory: the new embeddings are written into the queue variable and the loss reads them back from it."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(10)
    x = keras.Input((12, 12, 3), name='photo')
    h = keras.layers.Conv2D(8, 3, strides=2, activation='relu', name='trunk_a')(x)
    h = keras.layers.Conv2D(12, 3, strides=2, activation='relu', name='trunk_b')(h)
    h = keras.layers.GlobalAveragePooling2D(name='trunk_pool')(h)
    encoder = keras.Model(x, keras.layers.UnitNormalization(name='unit')(keras.layers.Dense(8, name='embed')(h)), name='encoder')
    start = tf.math.l2_normalize(tf.random.stateless_normal((24, 8), seed=(1, 2)), axis=1)
    return {'encoder': encoder, 'queue': tf.Variable(start, trainable=False, name='queue'), 'owner': tf.Variable(tf.range(24) % 5, trainable=False, name='owner'),
            'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(10)
    return {'photo': r.random((6, 12, 12, 3)).astype('float32'), 'product': np.array([0, 1, 2, 3, 4, 0], 'int32')}


def models(built):
    return [built['encoder']]


def contrast(anchors, keys, same, valid):
    similarity = tf.matmul(anchors, keys, transpose_b=True) / 0.1
    rows = tf.reduce_logsumexp(similarity - 1e9 * (1.0 - valid), axis=1) - tf.reduce_sum(similarity * same, axis=1) / tf.maximum(tf.reduce_sum(same, axis=1), 1.0)
    return tf.reduce_mean(rows)


def masks(anchor_owner, key_owner, n):
    valid = 1.0 - tf.eye(n, tf.shape(key_owner)[0])
    return tf.cast(anchor_owner[:, None] == key_owner[None, :], tf.float32) * valid, valid


def step(built, sample):
    encoder, queue, owner = built['encoder'], built['queue'], built['owner']
    n = len(sample['product'])
    with tf.GradientTape() as tape:
        fresh = encoder(sample['photo'], training=True)
        queue.assign(tf.concat([fresh, queue[:-n]], axis=0))
        owner.assign(tf.concat([sample['product'], owner[:-n]], axis=0))
        same, valid = masks(owner[:n], owner, n)
        loss = contrast(queue[:n], queue, same, valid)
    grads = tape.gradient(loss, encoder.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, encoder.trainable_variables))
    return {'loss': loss}


def fixed_step(built, sample):
    encoder, queue, owner = built['encoder'], built['queue'], built['owner']
    n = len(sample['product'])
    with tf.GradientTape() as tape:
        fresh = encoder(sample['photo'], training=True)
        keys = tf.concat([fresh, queue[:-n]], axis=0)
        owners = tf.concat([sample['product'], owner[:-n]], axis=0)
        same, valid = masks(owners[:n], owners, n)
        loss = contrast(fresh, keys, same, valid)
    grads = tape.gradient(loss, encoder.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, encoder.trainable_variables))
    queue.assign(keys)
    owner.assign(owners)
    return {'loss': loss}


EXPECT = {
    'source': 'own', 'title': 'A memory bank that is written before the loss is computed', 'source_kind': 'own',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'embed/kernel', 'layer': None, 'op': 'AssignVariableOp', 'line': 'queue.assign(tf.concat([fresh, queue[:-n]], axis=0))'},
    'why': 'What is read from a variable is not connected with what was assigned to it.',
    'fix': 'Use the concatenated tensor in the loss and write the queue after the tape.',
}
EXPECT['also'] = [{'op': None}, {'variable': 'trunk_a'}, {'variable': None}, {'op': None, 'variable': 'trunk_a'}, {'op': None, 'variable': None}, {'op': 'ReadVariableOp'},
                  {'line': 'loss = contrast(queue[:n], queue, same, valid)', 'op': None}, {'line': 'fresh = encoder(sample[\'photo\'], training=True)', 'op': None},
                  {'line': 'loss = contrast(queue[:n], queue, same, valid)', 'op': 'ReadVariableOp'}, {'layer': 'encoder', 'op': None}]
