"""Barlow twins on two views: batch-wise standardisation and cross-correlation on purpose."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(17)
    x = keras.Input((20, 2), name='ecg')
    h = keras.layers.GlobalAveragePooling1D()(keras.layers.Conv1D(8, 5, activation='swish', name='conv')(x))
    return {'net': keras.Model({'ecg': x}, keras.layers.Dense(6, use_bias=False, name='projector')(keras.layers.Dense(10, activation='swish', name='hidden')(h))),
            'optimizer': keras.optimizers.Lamb(1e-3)}


def sample():
    return {'ecg': np.random.default_rng(17).normal(size=(16, 20, 2)).astype('float32')}


def models(built):
    return [built['net']]


def view(x, seed):
    scale = tf.random.stateless_uniform((16, 1, 2), (seed, 0), 0.8, 1.2)
    return x * scale + 0.1 * tf.random.stateless_normal(x.shape, (seed, 1))


def step(built, sample):
    net = built['net']
    with tf.GradientTape() as tape:
        a, b = (net({'ecg': view(sample['ecg'], s)}, training=True) for s in (1, 2))
        a, b = ((z - tf.reduce_mean(z, 0)) / (tf.math.reduce_std(z, 0) + 1e-4) for z in (a, b))
        c = tf.matmul(a, b, transpose_a=True) / 16.0
        on = tf.reduce_sum(tf.square(1.0 - tf.linalg.diag_part(c)))
        loss = on + 0.01 * tf.reduce_sum(tf.square(tf.linalg.set_diag(c, tf.zeros(6))))
    grads = tape.gradient(loss, net.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, net.trainable_variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(net.trainable_variables, grads)}}
