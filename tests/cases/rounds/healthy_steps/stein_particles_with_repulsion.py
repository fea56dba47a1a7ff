"""Stein variational descent over three small networks: the step applies a kernel-weighted mix of the gradients of all particles."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(3)
    make = lambda i: keras.Sequential([keras.Input((4,)), keras.layers.Dense(6, 'tanh', name=f'p{i}_h'), keras.layers.Dense(1, name=f'p{i}_o')], name=f'particle{i}')
    return {'particles': [make(i) for i in range(3)], 'rate': 0.01}


def sample():
    r = np.random.default_rng(0)
    return {'x': r.normal(size=(10, 4)).astype('float32'), 'y': r.normal(size=(10, 1)).astype('float32')}


def models(built):
    return built['particles']


def flat(tensors):
    return tf.concat([tf.reshape(t, [-1]) for t in tensors], 0)


def step(built, sample):
    scores = []
    for net in built['particles']:
        with tf.GradientTape() as tape:
            prior = tf.add_n([tf.nn.l2_loss(v) for v in net.trainable_variables])
            log_p = -5.0 * tf.reduce_sum(tf.square(net(sample['x'], training=True) - sample['y'])) - prior
        scores.append(flat(tape.gradient(log_p, net.trainable_variables)))
    scores = tf.stack(scores)
    theta = tf.stack([flat([tf.convert_to_tensor(v) for v in net.trainable_variables]) for net in built['particles']])
    with tf.GradientTape() as kernel_tape:
        kernel_tape.watch(theta)
        squared = tf.reduce_sum(tf.square(theta[:, None] - tf.stop_gradient(theta)[None]), -1)
        width = tf.stop_gradient(tf.reduce_mean(squared)) + 1e-6
        kernel = tf.exp(-squared / width)
    repulsion = -kernel_tape.gradient(kernel, theta)
    direction = (tf.matmul(kernel, scores) + repulsion) / 3.0
    for net, d in zip(built['particles'], tf.unstack(direction)):
        pieces = tf.split(d, [int(np.prod(v.shape)) for v in net.trainable_variables])
        for piece, v in zip(pieces, net.trainable_variables):
            v.assign_add(built['rate'] * tf.reshape(piece, v.shape))
    return {'spread': tf.reduce_mean(squared)}
