"""Offline RL (advantage weighted regression): exp(advantage / 0.05) of raw returns overflows to inf and spoils the actor."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    s = keras.Input((6,), name='state')
    h = keras.layers.Dense(16, activation='tanh', name='value_hidden')(s)
    value = keras.Model(s, keras.layers.Dense(1, name='value_out')(h), name='value')
    s = keras.Input((6,), name='state')
    h = keras.layers.Dense(16, activation='tanh', name='actor_hidden')(s)
    actor = keras.Model(s, [keras.layers.Dense(2, name='actor_mean')(h), keras.layers.Dense(2, name='actor_log_std')(h)], name='actor')
    return {'value': value, 'actor': actor, 'v_opt': keras.optimizers.Adam(1e-3), 'a_opt': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'state': r.normal(size=(24, 6)).astype('float32'), 'action': r.normal(size=(24, 2)).astype('float32'),
            'return': (20 * r.normal(size=(24, 1))).astype('float32')}


def models(built):
    return [built['value'], built['actor']]


def fit_value(built, sample):
    value = built['value']
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((value(sample['state'], training=True) - sample['return']) ** 2)
    built['v_opt'].apply_gradients(zip(tape.gradient(loss, value.trainable_variables), value.trainable_variables))
    return loss


def log_prob(actor, state, action):
    mean, log_std = actor(state, training=True)
    return tf.reduce_sum(-0.5 * ((action - mean) / tf.exp(log_std)) ** 2 - log_std, axis=-1, keepdims=True)


def step(built, sample):
    actor = built['actor']
    v_loss = fit_value(built, sample)
    advantage = sample['return'] - built['value'](sample['state'])
    weights = tf.exp(advantage / 0.05)
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(weights * log_prob(actor, sample['state'], sample['action']))
    grads = tape.gradient(loss, actor.trainable_variables)
    built['a_opt'].apply_gradients(zip(grads, actor.trainable_variables))
    return {'v_loss': v_loss, 'loss': loss}


def fixed_step(built, sample):
    actor = built['actor']
    v_loss = fit_value(built, sample)
    advantage = sample['return'] - built['value'](sample['state'])
    advantage = (advantage - tf.reduce_mean(advantage)) / (tf.math.reduce_std(advantage) + 1e-6)
    weights = tf.exp(tf.minimum(advantage, 3.0))
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(weights * log_prob(actor, sample['state'], sample['action']))
    grads = tape.gradient(loss, actor.trainable_variables)
    built['a_opt'].apply_gradients(zip(grads, actor.trainable_variables))
    return {'v_loss': v_loss, 'loss': loss}


EXPECT = {
    'source': 'https://github.com/xbpeng/awr/issues/3',
    'title': 'Beta of 0.05 with unnormalised advantages: exp(A / beta) leaves the range of floats',
    'source_kind': 'variant',
    'category': 'nonfinite_gradient',
    'culprit': {'input': 'return', 'variable': 'actor_hidden/kernel', 'layer': None, 'op': 'Exp', 'line': 'weights = tf.exp(advantage / 0.05)'},
    'why': 'Advantages of a few tens divided by 0.05 are far over 88, where exp of a float32 is inf.',
    'fix': 'Normalise the advantages and cap the exponent or the weights.',
}
EXPECT['also'] = [{'variable': 'actor', 'line': 'weights = tf.exp(advantage / 0.05)'}, {'variable': 'actor', 'op': 'Mul'},
                  {'variable': 'actor', 'line': "loss = -tf.reduce_mean(weights * log_prob(actor, sample['state'], sample['action']))"}]
