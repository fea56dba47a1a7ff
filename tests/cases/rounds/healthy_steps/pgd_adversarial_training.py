"""Adversarial training: a PGD attack with sign of the watched input's gradient, then an update on the clean and the attacked batch."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((8, 8, 1), name='x')
    h = keras.layers.Conv2D(8, 3, activation='relu', name='conv')(x)
    return {'net': keras.Model(x, keras.layers.Dense(4, name='out')(keras.layers.Flatten()(h)), name='net'), 'opt': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'x': r.uniform(size=(12, 8, 8, 1)).astype('float32'), 'y': r.integers(0, 4, 12)}


def models(built):
    return [built['net']]


loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def attack(net, x, y, eps=0.1, steps=3):
    adv = x
    for _ in range(steps):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(adv)
            loss = loss_fn(y, net(adv, training=False))
        adv = tf.clip_by_value(adv + 0.05 * tf.sign(tape.gradient(loss, adv)), x - eps, x + eps)
        adv = tf.clip_by_value(adv, 0.0, 1.0)
    return tf.stop_gradient(adv)


def step(built, sample):
    net, x = built['net'], tf.constant(sample['x'])
    adv = attack(net, x, sample['y'])
    with tf.GradientTape() as tape:
        loss = 0.5 * (loss_fn(sample['y'], net(x, training=True)) + loss_fn(sample['y'], net(adv, training=True)))
    built['opt'].apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
    return loss
