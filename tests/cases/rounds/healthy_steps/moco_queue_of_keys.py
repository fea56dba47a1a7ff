"""MoCo: keys from a momentum encoder, negatives from a queue variable that is overwritten after the tape."""
import numpy as np
import tensorflow as tf
import keras

NOTES = dict(family='contrastive', why_hard='negatives are read from a variable that the step assigns; the key encoder gets no gradient by design', legit_nongradient=[])


def encoder(name):
    x = keras.Input((9, 9, 1), name='crop')
    h = keras.layers.Conv2D(8, 3, 2, activation='relu', name=f'{name}_conv')(x)
    h = keras.layers.Flatten(name=f'{name}_flat')(h)
    h = keras.layers.Dense(6, name=f'{name}_embed')(h)
    return keras.Model(x, keras.layers.UnitNormalization(name=f'{name}_unit')(h), name=name)


def build():
    keras.utils.set_random_seed(17)
    query, key = encoder('query'), encoder('key')
    key.set_weights(query.get_weights())
    key.trainable = False
    start = np.random.default_rng(170).normal(size=(24, 6)).astype('float32')
    queue = tf.Variable(start / np.linalg.norm(start, axis=1, keepdims=True), trainable=False, name='queue')
    return {'query': query, 'key': key, 'queue': queue, 'optimizer': keras.optimizers.SGD(0.03, momentum=0.9, weight_decay=1e-4)}


def sample():
    r = np.random.default_rng(17)
    x = r.random((8, 9, 9, 1))
    return {'crop_q': (x + 0.05 * r.normal(size=x.shape)).astype('float32'), 'crop_k': x[:, ::-1].astype('float32').copy()}


def models(built):
    return [built['query']]


def step(built, sample, temperature=0.1, momentum=0.99):
    query, key, queue = built['query'], built['key'], built['queue']
    for slow, fast in zip(key.weights, query.weights):
        slow.assign(momentum * slow + (1.0 - momentum) * fast)
    k = key(sample['crop_k'], training=False)
    with tf.GradientTape() as tape:
        q = query(sample['crop_q'], training=True)
        positive = tf.reduce_sum(q * k, -1, keepdims=True)
        negative = tf.matmul(q, queue, transpose_b=True)
        logits = tf.concat([positive, negative], 1) / temperature
        zeros = tf.zeros(tf.shape(q)[0], tf.int32)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=zeros, logits=logits))
    grads = tape.gradient(loss, query.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, query.trainable_variables))
    queue.assign(tf.concat([k, queue[:-k.shape[0]]], 0))
    return loss
