"""Reptile: the outer update is an interpolation by assign towards weights found by an inner SGD; no outer tape at all."""
import numpy as np
import tensorflow as tf
import keras


def make(name):
    x = keras.Input((5,), name='x')
    h = keras.layers.Dense(16, activation='gelu', name=f'{name}_h')(x)
    return keras.Model(x, keras.layers.Dense(3, name=f'{name}_o')(h), name=name)


def build():
    keras.utils.set_random_seed(0)
    return {'slow': make('slow'), 'fast': make('fast'), 'outer_rate': 0.3}


def sample():
    r = np.random.default_rng(0)
    return {'x': r.normal(size=(4, 10, 5)).astype('float32'), 'y': r.integers(0, 3, (4, 10))}


def models(built):
    return [built['slow']]


def step(built, sample):
    slow, fast = built['slow'], built['fast']
    fast.set_weights(slow.get_weights())
    inner = keras.optimizers.SGD(0.05)
    for x, y in zip(sample['x'], sample['y']):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, fast(x, training=True)))
        inner.apply_gradients(zip(tape.gradient(loss, fast.trainable_variables), fast.trainable_variables))
    for s, f in zip(slow.trainable_variables, fast.trainable_variables):
        s.assign_add(built['outer_rate'] * (f.value - s.value))
    return loss
