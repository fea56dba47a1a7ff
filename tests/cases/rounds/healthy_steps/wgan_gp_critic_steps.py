"""WGAN-GP with three critic steps per generator step and an epsilon under the root."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    z = keras.Input((4,), name='noise')
    h = keras.layers.Dense(16, activation='leaky_relu', name='g0')(z)
    G = keras.Model(z, keras.layers.Dense(6, name='g1')(h), name='generator')
    x = keras.Input((6,), name='x')
    h = keras.layers.Dense(16, activation='leaky_relu', name='c0')(x)
    C = keras.Model(x, keras.layers.Dense(1, use_bias=False, name='c1')(h), name='critic')
    return {'G': G, 'C': C, 'g_opt': keras.optimizers.Adam(1e-4, 0.0, 0.9), 'c_opt': keras.optimizers.Adam(1e-4, 0.0, 0.9)}


def sample():
    r = np.random.default_rng(0)
    return {'noise': r.normal(size=(3, 16, 4)).astype('float32'), 'x': r.normal(2, 1, size=(3, 16, 6)).astype('float32')}


def models(built):
    return [built['G'], built['C']]


def step(built, sample):
    G, C = built['G'], built['C']
    for noise, real in zip(sample['noise'], sample['x']):
        fake = G(noise, training=True)
        mix = tf.random.stateless_uniform((16, 1), (1, 2))
        between = mix * real + (1 - mix) * fake
        with tf.GradientTape() as tape:
            with tf.GradientTape() as inner:
                inner.watch(between)
                score = C(between, training=True)
            slope = tf.sqrt(tf.reduce_sum(tf.square(inner.gradient(score, between)), 1) + 1e-12)
            loss = tf.reduce_mean(C(fake, training=True)) - tf.reduce_mean(C(real, training=True)) + 10 * tf.reduce_mean((slope - 1) ** 2)
        built['c_opt'].apply_gradients(zip(tape.gradient(loss, C.trainable_variables), C.trainable_variables))
    with tf.GradientTape() as tape:
        g_loss = -tf.reduce_mean(C(G(sample['noise'][0], training=True), training=True))
    built['g_opt'].apply_gradients(zip(tape.gradient(g_loss, G.trainable_variables), G.trainable_variables))
    return {'critic': loss, 'generator': g_loss}
