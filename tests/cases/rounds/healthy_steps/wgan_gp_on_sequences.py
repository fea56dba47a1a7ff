"""WGAN-GP for time series: two critic updates with a safe gradient penalty, then one of the generator."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(3)
    z = keras.Input((10, 3), name='noise')
    g = keras.Model(z, keras.layers.Dense(2, name='g_out')(keras.layers.GRU(8, return_sequences=True, name='g_gru')(z)), name='generator')
    x = keras.Input((10, 2), name='series')
    h = keras.layers.Conv1D(8, 3, activation='leaky_relu', name='c_conv')(x)
    c = keras.Model(x, keras.layers.Dense(1, use_bias=False, name='c_out')(keras.layers.Flatten(name='c_flat')(h)), name='critic')
    return {'g': g, 'c': c, 'g_opt': keras.optimizers.Adam(1e-4, beta_1=0.5), 'c_opt': keras.optimizers.Adam(1e-4, beta_1=0.5)}


def sample():
    r = np.random.default_rng(3)
    return {'noise': r.normal(size=(3, 6, 10, 3)).astype('float32'), 'real': np.cumsum(r.normal(size=(6, 10, 2)), axis=1).astype('float32')}


def models(built):
    return [built['g'], built['c']]


def step(built, sample):
    g, c = built['g'], built['c']
    for k in range(2):
        fake = g(sample['noise'][k], training=True)
        with tf.GradientTape() as tape:
            mix = tf.random.uniform((6, 1, 1))
            between = mix * sample['real'] + (1.0 - mix) * fake
            with tf.GradientTape() as gp:
                gp.watch(between)
                score = c(between, training=True)
            slopes = gp.gradient(score, between)
            length = tf.sqrt(tf.reduce_sum(tf.square(slopes), axis=[1, 2]) + 1e-12)
            c_loss = tf.reduce_mean(c(fake, training=True)) - tf.reduce_mean(c(sample['real'], training=True)) + 10.0 * tf.reduce_mean(tf.square(length - 1.0))
        built['c_opt'].apply_gradients(zip(tape.gradient(c_loss, c.trainable_variables), c.trainable_variables))
    with tf.GradientTape() as tape:
        g_loss = -tf.reduce_mean(c(g(sample['noise'][2], training=True), training=True))
    built['g_opt'].apply_gradients(zip(tape.gradient(g_loss, g.trainable_variables), g.trainable_variables))
    return {'c_loss': c_loss, 'g_loss': g_loss}
