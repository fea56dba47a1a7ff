"""Hamiltonian network: the loss is made of two derivatives that a persistent inner tape gives."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(1)
    q, p = keras.Input((2,), name='q'), keras.Input((2,), name='p')
    x = keras.layers.Concatenate()([q, p])
    for i in range(2):
        x = keras.layers.Dense(12, activation='tanh', name=f'h{i}')(x)
    return {'net': keras.Model({'q': q, 'p': p}, keras.layers.Dense(1, use_bias=False, name='energy')(x)), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(1)
    return {k: r.normal(size=(10, 2)).astype('float32') for k in ('q', 'p', 'dq', 'dp')}


def models(built):
    return [built['net']]


def step(built, sample):
    net, q, p = built['net'], tf.convert_to_tensor(sample['q']), tf.convert_to_tensor(sample['p'])
    with tf.GradientTape() as tape:
        with tf.GradientTape(persistent=True) as inner:
            inner.watch([q, p])
            energy = tf.reduce_sum(net({'q': q, 'p': p}, training=True))
        velocity, force = inner.gradient(energy, p), -inner.gradient(energy, q)
        del inner
        loss = tf.reduce_mean(tf.square(velocity - sample['dq']) + tf.square(force - sample['dp']))
    grads = tape.gradient(loss, net.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, net.trainable_variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(net.trainable_variables, grads)}}
