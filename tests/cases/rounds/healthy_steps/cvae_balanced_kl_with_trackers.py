"""CVAE with a learned prior: KL balancing by stop_gradient on either side, metrics only for the log."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(102)
    x, c = keras.Input((10,), name='x'), keras.Input((4,), name='c')
    h = keras.layers.Dense(16, activation='tanh', name='e1')(keras.layers.Concatenate(name='e0')([x, c]))
    encoder = keras.Model([x, c], [keras.layers.Dense(3, name='e_mu')(h), keras.layers.Dense(3, name='e_lv')(h)], name='encoder')
    c1 = keras.Input((4,), name='c1')
    h = keras.layers.Dense(8, activation='tanh', name='p1')(c1)
    prior = keras.Model(c1, [keras.layers.Dense(3, name='p_mu')(h), keras.layers.Dense(3, name='p_lv')(h)], name='prior')
    z, c2 = keras.Input((3,), name='z'), keras.Input((4,), name='c2')
    h = keras.layers.Dense(16, activation='tanh', name='d1')(keras.layers.Concatenate(name='d0')([z, c2]))
    decoder = keras.Model([z, c2], keras.layers.Dense(10, name='d2')(h), name='decoder')
    return {'encoder': encoder, 'prior': prior, 'decoder': decoder, 'optimizer': keras.optimizers.Adam(1e-3, clipnorm=5.)}


def sample():
    r = np.random.default_rng(102)
    return {'x': r.normal(size=(9, 10)).astype('float32'), 'c': np.eye(4, dtype='float32')[r.integers(0, 4, 9)]}


def models(built):
    return [built['encoder'], built['prior'], built['decoder']]


def kl(a, b):
    (m1, s1), (m2, s2) = a, b
    return tf.reduce_mean(0.5 * tf.reduce_sum(s2 - s1 + (tf.exp(s1) + (m1 - m2) ** 2) * tf.exp(-s2) - 1., -1))


def frozen(pair):
    return [tf.stop_gradient(t) for t in pair]


def step(built, sample, balance=0.8):
    sample = {k: tf.convert_to_tensor(v) for k, v in sample.items()}
    weights = [v for m in models(built) for v in m.trainable_variables]
    trackers = {k: keras.metrics.Mean(k) for k in ('loss', 'kl')}
    with tf.GradientTape() as tape:
        posterior = built['encoder']([sample['x'], sample['c']], training=True)
        prior = built['prior'](sample['c'], training=True)
        z = posterior[0] + tf.exp(0.5 * posterior[1]) * tf.random.normal(tf.shape(posterior[0]))
        out = built['decoder']([z, sample['c']], training=True)
        divergence = balance * kl(frozen(posterior), prior) + (1. - balance) * kl(posterior, frozen(prior))
        loss = tf.reduce_mean(tf.reduce_sum(tf.square(out - sample['x']), -1)) + divergence
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    trackers['loss'].update_state(loss)
    trackers['kl'].update_state(divergence)
    return {k: t.result() for k, t in trackers.items()}


NOTES = dict(family='vae', why_hard='stop_gradient on both sides of a KL in turn; metrics are only logged', legit_nongradient=[])
