"""VAE with a learned prior: the KL layer adds its divergence with add_loss, and the loop differentiates the reconstruction only."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable('s3')
class LatentWithPrior(keras.layers.Layer):
    def build(self, shape):
        dim = shape[-1] // 2
        self.prior_mean = self.add_weight(shape=(dim,), initializer='zeros', name='prior_mean')
        self.prior_logvar = self.add_weight(shape=(dim,), initializer='zeros', name='prior_logvar')

    def call(self, h):
        mean, logvar = tf.split(h, 2, -1)
        kl = 0.5 * (self.prior_logvar - logvar - 1.0 + (tf.exp(logvar) + tf.square(mean - self.prior_mean)) / tf.exp(self.prior_logvar))
        self.add_loss(tf.reduce_mean(tf.reduce_sum(kl, -1)))
        return mean + tf.exp(0.5 * logvar) * tf.random.normal(tf.shape(mean), seed=1)


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((20,), name='counts')
    h = keras.layers.Dense(16, activation='softplus', name='enc')(x)
    z = LatentWithPrior(name='latent')(keras.layers.Dense(6, name='enc_stats')(h))
    h = keras.layers.Dense(16, activation='softplus', name='dec')(z)
    vae = keras.Model(x, keras.layers.Dense(20, name='dec_out')(h), name='vae')
    return {'vae': vae, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    return {'counts': np.log1p(np.random.default_rng(0).poisson(3., size=(16, 20))).astype('float32')}


def models(built):
    return [built['vae']]


def step(built, sample):
    vae, x = built['vae'], sample['counts']
    with tf.GradientTape() as tape:
        reconstruction = vae(x, training=True)
        loss = tf.reduce_mean(tf.reduce_sum(tf.square(x - reconstruction), -1))
    grads = tape.gradient(loss, vae.trainable_weights)
    built['optimizer'].apply_gradients(zip(grads, vae.trainable_weights))
    return loss


def fixed_step(built, sample):
    vae, x = built['vae'], sample['counts']
    with tf.GradientTape() as tape:
        out = vae(x, training=True)
        elbo = tf.reduce_mean(tf.reduce_sum(tf.square(x - out), -1)) + sum(vae.losses)
    built['optimizer'].apply_gradients(zip(tape.gradient(elbo, vae.trainable_weights), vae.trainable_weights))
    return elbo


EXPECT = {
    'source': None, 'title': 'add_loss of a VAE layer forgotten in the loop', 'source_kind': 'own', 'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'prior_mean', 'layer': 'latent', 'op': None, 'line': 'loss = tf.reduce_mean(tf.reduce_sum(tf.square(x - reconstruction), -1))'},
    'why': 'Only the divergence that the layer adds depends on the prior; a loop has to add model.losses itself.',
    'fix': 'loss += sum(vae.losses).',
    'also': [{'variable': 'prior_', 'layer': None, 'line': 'loss = tf.reduce_mean(tf.reduce_sum(tf.square(x - reconstruction), -1))'}, {'variable': 'prior_', 'layer': None, 'line': 'self.add_loss(tf.reduce_mean(tf.reduce_sum(kl, -1)))'},
             {'variable': 'prior_', 'layer': None, 'line': 'grads = tape.gradient(loss, vae.trainable_weights)'}, {'variable': 'prior_', 'layer': None, 'line': 'reconstruction = vae(x, training=True)'},
             {'variable': 'prior_', 'layer': 'latent', 'line': None}, {'variable': 'prior_', 'layer': None, 'line': "built['optimizer'].apply_gradients(zip(grads, vae.trainable_weights))"},
             {'variable': None, 'layer': None, 'line': 'loss = tf.reduce_mean(tf.reduce_sum(tf.square(x - reconstruction), -1))'}],
    'symptom': [('unmoved', 'prior_')],
}
