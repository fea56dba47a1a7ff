"""VAE whose layer adds its KL with add_loss; a warm-up weight is a non-trainable variable assigned in the loop."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable('s3h')
class Latent(keras.layers.Layer):
    def build(self, shape):
        self.prior = self.add_weight(shape=(2, shape[-1] // 2), initializer='zeros', name='prior')
        self.beta = self.add_weight(shape=(), initializer='zeros', trainable=False, name='beta')

    def call(self, h):
        m, lv = tf.split(h, 2, -1)
        pm, plv = self.prior[0], self.prior[1]
        kl = 0.5 * (plv - lv - 1 + (tf.exp(lv) + (m - pm) ** 2) * tf.exp(-plv))
        self.add_loss(self.beta * tf.reduce_mean(tf.reduce_sum(kl, -1)))
        return m + tf.exp(lv / 2) * tf.random.normal(tf.shape(m), seed=3)


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((12,), name='x')
    latent = Latent(name='latent')
    z = latent(keras.layers.Dense(6, name='stats')(keras.layers.Dense(16, activation='swish', name='e')(x)))
    out = keras.layers.Dense(12, name='out')(keras.layers.Dense(16, activation='swish', name='d')(z))
    return {'vae': keras.Model(x, out, name='vae'), 'latent': latent, 'opt': keras.optimizers.Adam(1e-3)}


def sample():
    return {'x': np.random.default_rng(0).normal(1, 1, size=(16, 12)).astype('float32')}


def models(built):
    return [built['vae']]


def step(built, sample):
    vae = built['vae']
    built['latent'].beta.assign(tf.minimum(1.0, built['latent'].beta + 0.1))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.reduce_sum((vae(sample['x'], training=True) - sample['x']) ** 2, -1)) + tf.add_n(vae.losses)
    vae_vars = vae.trainable_variables
    built['opt'].apply_gradients(zip(tape.gradient(loss, vae_vars), vae_vars))
    return loss
