"""Sharpness-aware minimization: the first gradient moves the weights by assign_add, the second is applied after they are put back."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((10, 10, 1), name='x')
    h = keras.layers.Conv2D(6, 3, activation='relu', name='c0')(x)
    h = keras.layers.GlobalMaxPooling2D()(keras.layers.GroupNormalization(3, name='gn')(h))
    return {'net': keras.Model(x, keras.layers.Dense(3, name='out')(h), name='net'), 'opt': keras.optimizers.SGD(0.05)}


def sample():
    r = np.random.default_rng(0)
    return {'x': r.normal(size=(12, 10, 10, 1)).astype('float32'), 'y': r.integers(0, 3, 12)}


def models(built):
    return [built['net']]


def loss_of(net, sample):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(sample['y'], net(sample['x'], training=True)))


def step(built, sample, rho=0.05):
    net = built['net']
    weights = net.trainable_variables
    with tf.GradientTape() as tape:
        loss = loss_of(net, sample)
    grads = tape.gradient(loss, weights)
    scale = rho / (tf.linalg.global_norm(grads) + 1e-12)
    moves = [g * scale for g in grads]
    for w, e in zip(weights, moves):
        w.assign_add(e)
    with tf.GradientTape() as tape:
        sharp = loss_of(net, sample)
    grads = tape.gradient(sharp, weights)
    for w, e in zip(weights, moves):
        w.assign_sub(e)
    built['opt'].apply_gradients(zip(grads, weights))
    return loss
