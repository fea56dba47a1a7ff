"""MoCo: a momentum key encoder (frozen, moved by assign), a queue of old keys and InfoNCE with temperature."""
import numpy as np
import tensorflow as tf
import keras


def encoder(name):
    x = keras.Input((8, 8, 1), name='view')
    h = keras.layers.Conv2D(8, 3, strides=2, activation='relu', name=f'{name}_conv')(x)
    h = keras.layers.Dense(8, name=f'{name}_proj')(keras.layers.Flatten()(h))
    return keras.Model(x, keras.layers.UnitNormalization(name=f'{name}_norm')(h), name=name)


def build():
    keras.utils.set_random_seed(0)
    q, k = encoder('query'), encoder('key')
    k.set_weights(q.get_weights())
    k.trainable = False
    queue = tf.Variable(tf.math.l2_normalize(tf.random.stateless_normal((32, 8), (3, 4)), 1), trainable=False, name='queue')
    return {'q': q, 'k': k, 'queue': queue, 'opt': keras.optimizers.SGD(0.03, momentum=0.9)}


def sample():
    r = np.random.default_rng(0)
    x = r.normal(size=(8, 8, 8, 1))
    return {k: (x + .1 * r.normal(size=x.shape)).astype('float32') for k in ('view1', 'view2')}


def models(built):
    return [built['q']]


def step(built, sample):
    q_net, k_net, queue = built['q'], built['k'], built['queue']
    for a, b in zip(k_net.weights, q_net.weights):
        a.assign(0.99 * a + 0.01 * b)
    keys = k_net(sample['view2'], training=False)
    with tf.GradientTape() as tape:
        q = q_net(sample['view1'], training=True)
        logits = tf.concat([tf.reduce_sum(q * keys, 1, keepdims=True), tf.matmul(q, queue.value(), transpose_b=True)], 1) / 0.2
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(tf.zeros(8, tf.int32), logits))
    built['opt'].apply_gradients(zip(tape.gradient(loss, q_net.trainable_variables), q_net.trainable_variables))
    queue.assign(tf.concat([keys, queue[:-8]], 0))
    return loss
