"""InfoGAN: discriminator and code head share a trunk, the generator learns from both, three optimizers."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(2)
    gen = keras.Sequential([keras.Input((7,)), keras.layers.Dense(16, keras.layers.LeakyReLU(), name='g1'), keras.layers.Dense(8, name='g2')], name='generator')
    trunk = keras.Sequential([keras.Input((8,)), keras.layers.Dense(16, keras.layers.LeakyReLU(), name='t1')], name='trunk')
    real = keras.Sequential([keras.Input((16,)), keras.layers.Dense(1, name='real_logit')], name='real')
    code = keras.Sequential([keras.Input((16,)), keras.layers.Dense(3, name='code_logits')], name='code')
    adam = lambda: keras.optimizers.Adam(2e-4, beta_1=0.5)
    return {'gen': gen, 'trunk': trunk, 'real': real, 'code': code, 'd_opt': adam(), 'g_opt': adam(), 'q_opt': adam()}


def sample():
    r = np.random.default_rng(0)
    return {'x': r.normal(size=(8, 8)).astype('float32'), 'z': r.normal(size=(8, 4)).astype('float32'), 'c': np.eye(3, dtype='float32')[r.integers(0, 3, 8)]}


def models(built):
    return [built['gen'], built['trunk'], built['real'], built['code']]


def step(built, sample):
    bce = keras.losses.BinaryCrossentropy(from_logits=True)
    d_vars = built['trunk'].trainable_variables + built['real'].trainable_variables
    g_vars, q_vars = built['gen'].trainable_variables, built['code'].trainable_variables
    latent = tf.concat([sample['z'], sample['c']], axis=1)
    with tf.GradientTape(persistent=True) as tape:
        fake = built['gen'](latent, training=True)
        real_out = built['real'](built['trunk'](sample['x'], training=True))
        shared = built['trunk'](fake, training=True)
        fake_out = built['real'](shared)
        d_loss = bce(tf.ones_like(real_out), real_out) + bce(tf.zeros_like(fake_out), fake_out)
        info = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=sample['c'], logits=built['code'](shared)))
        g_loss = bce(tf.ones_like(fake_out), fake_out) + info
    d_grads, g_grads, q_grads = tape.gradient(d_loss, d_vars), tape.gradient(g_loss, g_vars), tape.gradient(info, q_vars)
    del tape
    built['d_opt'].apply_gradients(zip(d_grads, d_vars))
    built['g_opt'].apply_gradients(zip(g_grads, g_vars))
    built['q_opt'].apply_gradients(zip(q_grads, q_vars))
    return {'d': d_loss, 'g': g_loss, 'info': info}
