"""Ensemble: each member has its compiled step from a factory with its own optimizer; a Python counter decides about logging only."""
import numpy as np
import tensorflow as tf
import keras
import functools


def member_net(i):
    x = keras.Input((7,), name='x')
    h = keras.layers.Dense(16, activation='swish', name=f'm{i}_h')(x)
    return keras.Model(x, keras.layers.Dense(2, name=f'm{i}_out')(h), name=f'member_{i}')


def build():
    keras.utils.set_random_seed(120)
    members = [member_net(i) for i in range(3)]
    optimizers = [keras.optimizers.Adam(1e-3 * (i + 1)) for i in range(3)]
    for m, o in zip(members, optimizers):
        o.build(m.trainable_variables)
    return {'members': members, 'optimizers': optimizers}


def sample():
    r = np.random.default_rng(120)
    return {'x': r.normal(size=(16, 7)).astype('float32'), 'y': r.normal(size=(16, 1)).astype('float32')}


def models(built):
    return list(built['members'])


def beta_nll(y, out, beta):
    mean, logvar = tf.split(out, 2, -1)
    weight = tf.stop_gradient(tf.exp(beta * logvar))
    return tf.reduce_mean(weight * 0.5 * (logvar + tf.square(y - mean) * tf.exp(-logvar)))


def make_step(net, optimizer, criterion):
    @tf.function
    def train(x, y):
        with tf.GradientTape() as tape:
            loss = criterion(y, net(x, training=True))
        gradients = tape.gradient(loss, net.trainable_variables)
        optimizer.apply_gradients(zip(gradients, net.trainable_variables))
        return loss
    return train


def step(built, sample):
    criterion = functools.partial(beta_nll, beta=0.5)
    steps = [make_step(*pair, criterion) for pair in zip(built['members'], built['optimizers'])]
    rng, seen, log = np.random.default_rng(0), 0, []
    for train in steps:
        rows = rng.integers(0, 16, 16)
        loss = train(tf.constant(sample['x'][rows]), tf.constant(sample['y'][rows]))
        seen += len(rows)
        if seen % 32 == 0:
            log.append(float(loss))
    return {'loss': loss, 'log': log}


NOTES = dict(family='ensemble', why_hard='closures, tf.function, stopped weights', legit_nongradient=[])
