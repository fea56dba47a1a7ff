"""WGAN-GP: two critic updates with a gradient penalty inside of the outer tape, then one update of the generator."""
import numpy as np
import tensorflow as tf
import keras

NOTES = dict(family='GAN', why_hard='a gradient inside a tape; the generator is called outside of the critic tape on purpose', legit_nongradient=[])


def build():
    keras.utils.set_random_seed(0)
    z = keras.Input((6,), name='noise')
    h = keras.layers.Dense(16, activation='relu', name='g_fc')(z)
    generator = keras.Model(z, keras.layers.Dense(10, name='g_out')(h), name='generator')
    x = keras.Input((10,), name='row')
    h = keras.layers.Dense(16, activation='swish', name='c_fc')(x)
    critic = keras.Model(x, keras.layers.Dense(1, use_bias=False, name='c_out')(h), name='critic')
    return {'generator': generator, 'critic': critic, 'g_opt': keras.optimizers.Adam(1e-4, 0.0, 0.9), 'c_opt': keras.optimizers.Adam(1e-4, 0.0, 0.9)}


def sample():
    r = np.random.default_rng(0)
    f = lambda *s: r.normal(size=s).astype('float32')
    return {'noise': f(3, 12, 6), 'row': f(12, 10), 'mix': r.random((12, 1)).astype('float32')}


def models(built):
    return [built['generator'], built['critic']]


def gradient_penalty(critic, real, fake, mix):
    between = real + mix * (fake - real)
    with tf.GradientTape() as tape:
        tape.watch(between)
        score = critic(between, training=True)
    slope = tape.gradient(score, between)
    return tf.reduce_mean(tf.square(tf.norm(slope + 1e-12, axis=1) - 1.0))


def step(built, sample):
    generator, critic = built['generator'], built['critic']
    for i in range(2):
        fake = generator(sample['noise'][i], training=True)
        with tf.GradientTape() as tape:
            wasserstein = tf.reduce_mean(critic(fake, training=True)) - tf.reduce_mean(critic(sample['row'], training=True))
            loss = wasserstein + 10.0 * gradient_penalty(critic, sample['row'], fake, sample['mix'])
        grads = tape.gradient(loss, critic.trainable_variables)
        built['c_opt'].apply_gradients(zip(grads, critic.trainable_variables))
    with tf.GradientTape() as tape:
        g_loss = -tf.reduce_mean(critic(generator(sample['noise'][2], training=True), training=True))
    grads = tape.gradient(g_loss, generator.trainable_variables)
    built['g_opt'].apply_gradients(zip(grads, generator.trainable_variables))
    return {'c_loss': loss, 'g_loss': g_loss}
