"""Beta-VAE on counts: the KL term comes from add_loss of the sampling layer, the reconstruction from a Poisson likelihood."""
import numpy as np
import tensorflow as tf
import keras

NOTES = dict(family='VAE', why_hard='half of the loss is in model.losses; random numbers inside of the call', legit_nongradient=[])


@keras.saving.register_keras_serializable(package='beta_vae_with_layer_losses')
class Sampling(keras.layers.Layer):
    def __init__(self, beta=0.5, **kw):
        super().__init__(**kw)
        self.beta = beta
        self.seed = keras.random.SeedGenerator(3)

    def get_config(self):
        return {**super().get_config(), 'beta': self.beta}

    def call(self, mean, log_var):
        kl = -0.5 * keras.ops.sum(1 + log_var - keras.ops.square(mean) - keras.ops.exp(log_var), -1)
        self.add_loss(self.beta * keras.ops.mean(kl))
        noise = keras.random.normal(keras.ops.shape(mean), seed=self.seed)
        return mean + keras.ops.exp(0.5 * log_var) * noise


def build():
    keras.utils.set_random_seed(2)
    x = keras.Input((20,), name='counts')
    h = keras.layers.Dense(16, activation='relu', name='enc')(keras.ops.log1p(x))
    z = Sampling(name='sampling')(keras.layers.Dense(3, name='mean')(h), keras.layers.Dense(3, name='log_var')(h))
    h = keras.layers.Dense(16, activation='relu', name='dec')(z)
    return {'vae': keras.Model(x, keras.layers.Dense(20, name='log_rate')(h), name='vae'), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    return {'counts': np.random.default_rng(2).poisson(3.0, (16, 20)).astype('float32')}


def models(built):
    return [built['vae']]


def step(built, sample):
    vae = built['vae']
    with tf.GradientTape() as tape:
        log_rate = vae(sample['counts'], training=True)
        nll = tf.reduce_mean(tf.reduce_sum(tf.nn.log_poisson_loss(sample['counts'], log_rate), -1))
        loss = nll + tf.add_n(vae.losses)
    grads = tape.gradient(loss, vae.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, vae.trainable_variables))
    return {'loss': loss, 'nll': nll}
