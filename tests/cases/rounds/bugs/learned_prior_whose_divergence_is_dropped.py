"""Variational autoencoder with a learned mixture prior."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_learned_prior_whose_divergence_is_dropped')


@reg
class MixturePrior(L.Layer):
    def __init__(self, components=3, **kw):
        super().__init__(**kw)
        self.components = components
        self.noise = keras.random.SeedGenerator(17)

    def build(self, shapes):
        d = shapes[0][-1]
        self.locs = self.add_weight(name='locs', shape=(self.components, d), initializer=keras.initializers.RandomNormal(stddev=1.0, seed=1))
        self.logits = self.add_weight(name='logits', shape=(self.components,), initializer='zeros')

    def call(self, inputs):
        mu, logvar = inputs
        z = mu + tf.exp(0.5 * logvar) * keras.random.normal(tf.shape(mu), seed=self.noise)
        log_q = -0.5 * tf.reduce_sum(logvar + tf.square(z - mu) * tf.exp(-logvar), -1)
        comp = -0.5 * tf.reduce_sum(tf.square(z[:, None] - self.locs), -1) + tf.nn.log_softmax(self.logits)
        return z, log_q - tf.reduce_logsumexp(comp, -1)

    def compute_output_shape(self, shapes):
        return shapes[0], (shapes[0][0],)

    def get_config(self):
        return {**super().get_config(), 'components': self.components}


@reg
class AddDivergence(L.Layer):
    def call(self, z, kl):
        self.add_loss(0.05 * tf.reduce_mean(kl))
        return z


def encoder():
    x = keras.Input((10,), name='expression')
    h = L.Dense(16, activation='relu', name='enc')(x)
    return x, L.Dense(3, name='mu')(h), L.Dense(3, name='logvar')(h)


def decoder(x, z):
    m = keras.Model(x, L.Dense(10, name='recon')(L.Dense(16, activation='relu', name='dec')(z)))
    m.compile('adam', 'mse')
    return m


def build():
    keras.utils.set_random_seed(17)
    x, mu, logvar = encoder()
    z, kl = MixturePrior(name='prior')([mu, logvar])
    return decoder(x, z)


def fixed():
    keras.utils.set_random_seed(17)
    x, mu, logvar = encoder()
    z, kl = MixturePrior(name='prior')([mu, logvar])
    return decoder(x, AddDivergence(name='divergence')(z, kl))


def sample():
    x = np.random.default_rng(0).normal(size=(12, 10)).astype('float32')
    return {'expression': x, 'y': x}


EXPECT = {
    'source': 'https://github.com/tensorflow/probability/issues/1560', 'source_kind': 'variant',
    'title': 'Gradients do not exist with GradientTape() (the variables of the prior: the divergence is not part of the loss)',
    'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'prior/locs', 'layer': 'prior', 'op': None, 'line': "z, kl = MixturePrior(name='prior')([mu, logvar])"},
    'why': 'The divergence is returned, but nobody adds it to the loss: the prior gets no gradient, and the posterior is not regularised.',
    'fix': 'add_loss(kl).',
    'also': [{'variable': 'prior/logits'}, {'layer': 'prior', 'line': 'return z, log_q - tf.reduce_logsumexp(comp, -1)'}, {'line': 'return decoder(x, z)'},
             {'line': 'comp = -0.5 * tf.reduce_sum(tf.square(z[:, None] - self.locs), -1)'}, {'line': 'self.locs = self.add_weight('}, {'line': "m.compile('adam', 'mse')"}],
}
