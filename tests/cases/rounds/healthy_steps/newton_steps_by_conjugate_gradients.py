"""Hessian-free step: Hessian-vector products by forward over reverse, solved with conjugate gradients."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(2)
    x = keras.Input((4,), name='load')
    return keras.Model({'load': x}, keras.layers.Dense(1, name='out')(keras.layers.Dense(5, activation='tanh', name='hidden')(x)))


def sample():
    r = np.random.default_rng(2)
    return {'load': r.normal(size=(16, 4)).astype('float32'), 'y': r.normal(size=(16, 1)).astype('float32')}


def models(built):
    return [built]


def dot(a, b):
    return tf.add_n([tf.reduce_sum(x * y) for x, y in zip(a, b)])


def step(built, sample):
    variables = [v.value for v in built.trainable_variables]

    def objective():
        return tf.reduce_mean(tf.square(built({'load': sample['load']}, training=True) - sample['y']))

    def hessian_product(direction):
        with tf.autodiff.ForwardAccumulator(variables, direction) as forward:
            with tf.GradientTape() as tape:
                value = objective()
            grads = tape.gradient(value, variables)
        return [h + 0.5 * d for h, d in zip(forward.jvp(grads), direction)]

    with tf.GradientTape() as tape:
        loss = objective()
    grads = tape.gradient(loss, variables)
    move, residual = [tf.zeros_like(g) for g in grads], [-g for g in grads]
    direction = residual
    for _ in range(4):
        curved = hessian_product(direction)
        old = dot(residual, residual)
        rate = old / dot(direction, curved)
        move = [m + rate * d for m, d in zip(move, direction)]
        residual = [r - rate * c for r, c in zip(residual, curved)]
        direction = [r + dot(residual, residual) / old * d for r, d in zip(residual, direction)]
    for v, m in zip(variables, move):
        v.assign_add(m)
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(built.trainable_variables, grads)}}
