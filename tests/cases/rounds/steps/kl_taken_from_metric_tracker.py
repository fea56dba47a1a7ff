"""Conditional VAE: the KL term of the loss is the result of the metric that tracks it."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(10)
    x, c = keras.Input((14,), name='x'), keras.Input((3,), name='c')
    h = keras.layers.Dense(16, activation='elu', name='enc_hidden')(keras.layers.Concatenate(name='enc_join')([x, c]))
    encoder = keras.Model([x, c], [keras.layers.Dense(4, name='enc_mean')(h), keras.layers.Dense(4, name='enc_logvar')(h)], name='encoder')
    c2 = keras.Input((3,), name='c2')
    h = keras.layers.Dense(8, activation='elu', name='prior_hidden')(c2)
    prior = keras.Model(c2, [keras.layers.Dense(4, name='prior_mean')(h), keras.layers.Dense(4, name='prior_logvar')(h)], name='prior')
    z, c3 = keras.Input((4,), name='z'), keras.Input((3,), name='c3')
    h = keras.layers.Dense(16, activation='elu', name='dec_hidden')(keras.layers.Concatenate(name='dec_join')([z, c3]))
    decoder = keras.Model([z, c3], keras.layers.Dense(14, name='dec_out')(h), name='decoder')
    return {'encoder': encoder, 'prior': prior, 'decoder': decoder, 'optimizer': keras.optimizers.Adam(2e-3)}


def sample():
    r = np.random.default_rng(10)
    return {'x': r.normal(size=(10, 14)).astype('float32'), 'c': np.eye(3, dtype='float32')[r.integers(0, 3, 10)]}


def models(built):
    return [built['encoder'], built['prior'], built['decoder']]


def gaussian_kl(m1, s1, m2, s2):
    return 0.5 * tf.reduce_sum(s2 - s1 + (tf.exp(s1) + tf.square(m1 - m2)) / tf.exp(s2) - 1., -1)


class CVAETrainer:
    def __init__(self, built, beta=0.5):
        self.built, self.beta = built, beta
        self.trackers = {name: keras.metrics.Mean(name) for name in ('reconstruction', 'kl')}

    def terms(self, batch):
        mean, logvar = self.built['encoder']([batch['x'], batch['c']], training=True)
        z = mean + tf.exp(0.5 * logvar) * tf.random.normal(tf.shape(mean))
        decoded = self.built['decoder']([z, batch['c']], training=True)
        prior_mean, prior_logvar = self.built['prior'](batch['c'], training=True)
        return {'reconstruction': tf.reduce_sum(tf.square(batch['x'] - decoded), -1), 'kl': gaussian_kl(mean, logvar, prior_mean, prior_logvar)}

    def combine(self, terms):
        for name, value in terms.items():
            self.trackers[name].update_state(value)
        return tf.reduce_mean(terms['reconstruction']) + self.beta * self.trackers['kl'].result()

    def train_step(self, batch):
        batch = {k: tf.convert_to_tensor(v) for k, v in batch.items()}
        weights = [v for m in models(self.built) for v in m.trainable_variables]
        with tf.GradientTape() as tape:
            loss = self.combine(self.terms(batch))
        self.built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
        return {name: tracker.result() for name, tracker in self.trackers.items()}


class MendedTrainer(CVAETrainer):
    def combine(self, terms):
        for name, value in terms.items():
            self.trackers[name].update_state(value)
        return tf.reduce_mean(terms['reconstruction']) + self.beta * tf.reduce_mean(terms['kl'])


def step(built, sample):
    return CVAETrainer(built).train_step(sample)


def fixed_step(built, sample):
    return MendedTrainer(built).train_step(sample)


EXPECT = {
    'source': None, 'title': 'The KL term is read back from keras.metrics.Mean',
    'source_kind': 'own', 'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'prior_mean/kernel', 'layer': None, 'op': 'ReadVariableOp', 'line': "self.beta * self.trackers['kl'].result()"},
    'why': 'A metric keeps its sums in variables: what is read from them has no gradient. The prior is trained by nothing else.',
    'fix': 'Use the KL tensor.',
    'also': [{'input': None, 'variable': 'prior_', 'layer': None, 'op': None, 'line': 'self.trackers[name].update_state(value)'},
             {'input': None, 'variable': 'prior_', 'layer': None, 'op': None, 'line': "self.trackers['kl'].result()"},
             {'input': None, 'variable': 'prior_', 'layer': None, 'op': None, 'line': 'loss = self.combine(self.terms(batch))'}],
}
