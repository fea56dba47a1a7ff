"""Energy-based model: negatives come from Langevin dynamics on a replay buffer; contrastive divergence with an energy penalty."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((2,), name='x')
    h = keras.layers.Dense(24, activation='swish', name='h0')(x)
    h = keras.layers.Dense(24, activation='swish', name='h1')(h)
    return {'energy': keras.Model(x, keras.layers.Dense(1, use_bias=False, name='e')(h), name='energy'),
            'buffer': tf.Variable(tf.random.stateless_uniform((32, 2), (1, 5), -2., 2.), trainable=False), 'opt': keras.optimizers.Adam(1e-3, beta_1=0.0)}


def sample():
    t = np.random.default_rng(0).uniform(0, 2 * np.pi, 32)
    return {'x': np.stack([np.cos(t), np.sin(t)], 1).astype('float32')}


def models(built):
    return [built['energy']]


def step(built, sample):
    energy, buffer = built['energy'], built['buffer']
    x = tf.identity(buffer)
    for k in range(5):
        with tf.GradientTape() as tape:
            tape.watch(x)
            e = tf.reduce_sum(energy(x, training=False))
        x = x - 0.1 * tf.clip_by_value(tape.gradient(e, x), -1.0, 1.0) + 0.02 * tf.random.stateless_normal(tf.shape(x), (k, 9))
    buffer.assign(x)
    with tf.GradientTape() as tape:
        real, fake = energy(sample['x'], training=True), energy(buffer, training=True)
        loss = tf.reduce_mean(real) - tf.reduce_mean(fake) + 0.1 * tf.reduce_mean(real ** 2 + fake ** 2)
    built['opt'].apply_gradients(zip(tape.gradient(loss, energy.trainable_variables), energy.trainable_variables))
    return loss
