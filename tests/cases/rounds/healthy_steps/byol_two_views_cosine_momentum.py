"""BYOL: predictor on one side, stopped targets of a momentum network on the other, cosine schedule of the momentum."""
import numpy as np
import tensorflow as tf
import keras
import math


def tower(name):
    x = keras.Input((12,), name='x')
    h = keras.layers.Dense(24, name=f'{name}_d1')(x)
    h = keras.layers.LayerNormalization(name=f'{name}_ln')(h)
    h = keras.layers.Activation('relu', name=f'{name}_relu')(h)
    return keras.Model(x, keras.layers.Dense(8, name=f'{name}_d2')(h), name=name)


def build():
    keras.utils.set_random_seed(113)
    online, momentum = tower('online'), tower('momentum')
    momentum.set_weights(online.get_weights())
    momentum.trainable = False
    z = keras.Input((8,), name='z')
    predictor = keras.Model(z, keras.layers.Dense(8, name='p2')(keras.layers.Dense(16, activation='relu', name='p1')(z)), name='predictor')
    return {'online': online, 'momentum': momentum, 'predictor': predictor, 'optimizer': keras.optimizers.AdamW(1e-3, weight_decay=1e-4)}


def sample():
    return {'x': np.random.default_rng(113).normal(size=(16, 12)).astype('float32')}


def models(built):
    return [built['online'], built['predictor'], built['momentum']]


def regression(p, z):
    return 2. - 2. * tf.reduce_mean(tf.reduce_sum(tf.math.l2_normalize(p, -1) * tf.math.l2_normalize(z, -1), -1))


def augment(x):
    keep = tf.cast(tf.random.uniform(x.shape) > 0.2, tf.float32)
    return x * keep + 0.1 * tf.random.normal(x.shape)


def step(built, sample, progress=0.3):
    online, momentum, predictor = built['online'], built['momentum'], built['predictor']
    a, b = augment(sample['x']), augment(sample['x'])
    weights = online.trainable_variables + predictor.trainable_variables
    with tf.GradientTape() as tape:
        pa, pb = predictor(online(a, training=True), training=True), predictor(online(b, training=True), training=True)
        za, zb = tf.stop_gradient(momentum(a)), tf.stop_gradient(momentum(b))
        loss = 0.5 * (regression(pa, zb) + regression(pb, za))
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    tau = 1. - 0.04 * (math.cos(math.pi * progress) + 1.) / 2.
    for m, o in zip(momentum.weights, online.weights):
        m.assign(tau * m + (1. - tau) * o)
    return {'loss': loss, 'spread': float(tf.reduce_mean(tf.math.reduce_std(za, 0)))}


NOTES = dict(family='self-supervised', why_hard='stopped targets, frozen momentum network', legit_nongradient=[])
