"""Learned optimizer: an LSTM cell proposes coordinate-wise updates of a small regression, unrolled and trained by the sum of its losses."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    g, h, c = keras.Input((2,), name='gradient'), keras.Input((12,), name='h'), keras.Input((12,), name='c')
    out, (h2, c2) = keras.layers.LSTMCell(12, name='rule_cell')(g, [h, c])
    update = keras.layers.Dense(1, kernel_initializer=keras.initializers.RandomNormal(stddev=0.1), name='rule_out')(out)
    return {'rule': keras.Model([g, h, c], [update, h2, c2], name='rule'), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    w = r.normal(size=(10, 6)).astype('float32')
    return {'matrix': w, 'y': (w @ r.normal(size=(6, 1))).astype('float32'), 'theta': r.normal(size=(6, 1)).astype('float32')}


def models(built):
    return [built['rule']]


def preprocess(g, p=10.0):
    size = tf.math.log(tf.abs(g) + np.exp(-p).astype('float32')) / p
    return tf.concat([tf.maximum(size, -1.0), tf.clip_by_value(g * np.exp(p).astype('float32'), -1.0, 1.0)], axis=-1)


def step(built, sample):
    rule = built['rule']
    theta = tf.constant(sample['theta'])
    h = c = tf.zeros((6, 12))
    with tf.GradientTape() as meta:
        total = 0.0
        for _ in range(5):
            with tf.GradientTape() as tape:
                tape.watch(theta)
                loss = tf.reduce_mean((tf.matmul(sample['matrix'], theta) - sample['y']) ** 2)
            g = tf.stop_gradient(tape.gradient(loss, theta))
            update, h, c = rule([preprocess(g), h, c], training=True)
            theta = theta + 0.1 * update
            total += tf.reduce_mean((tf.matmul(sample['matrix'], theta) - sample['y']) ** 2)
    grads, _ = tf.clip_by_global_norm(meta.gradient(total, rule.trainable_variables), 1.0)
    built['optimizer'].apply_gradients(zip(grads, rule.trainable_variables))
    return {'total': total}
