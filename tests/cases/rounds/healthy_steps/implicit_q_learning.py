"""Implicit Q-learning: expectile value, TD critic and an advantage weighted actor with capped weights, one optimizer each."""
import numpy as np
import tensorflow as tf
import keras


def mlp(name, inputs, outputs):
    x = keras.Input((inputs,), name=f'{name}_in')
    h = keras.layers.Dense(24, activation='relu', name=f'{name}_hidden')(x)
    return keras.Model(x, keras.layers.Dense(outputs, name=f'{name}_out')(h), name=name)


def build():
    keras.utils.set_random_seed(0)
    built = {'q': mlp('q', 8, 1), 'target': mlp('target', 8, 1), 'v': mlp('v', 6, 1), 'actor': mlp('actor', 6, 4)}
    built['target'].set_weights(built['q'].get_weights())
    built['target'].trainable = False
    built.update({f'{k}_opt': keras.optimizers.Adam(3e-4) for k in ('q', 'v', 'actor')})
    return built


def sample():
    r = np.random.default_rng(0)
    return {'s': r.normal(size=(24, 6)).astype('float32'), 'a': r.uniform(-1, 1, size=(24, 2)).astype('float32'),
            's2': r.normal(size=(24, 6)).astype('float32'), 'r': r.normal(size=(24, 1)).astype('float32')}


def models(built):
    return [built['q'], built['v'], built['actor']]


def minimise(built, name, loss_fn):
    variables = built[name].trainable_variables
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        for v in variables:
            tape.watch(v.value)
        loss = loss_fn()
    built[f'{name}_opt'].apply_gradients(zip(tape.gradient(loss, variables), variables))
    return loss


def step(built, sample):
    sa = tf.concat([sample['s'], sample['a']], axis=-1)
    q = built['target'](sa)

    def value_loss():
        u = q - built['v'](sample['s'], training=True)
        return tf.reduce_mean(tf.abs(0.8 - tf.cast(u < 0.0, tf.float32)) * u ** 2)
    v_loss = minimise(built, 'v', value_loss)
    goal = sample['r'] + 0.99 * built['v'](sample['s2'])
    q_loss = minimise(built, 'q', lambda: tf.reduce_mean((built['q'](sa, training=True) - goal) ** 2))
    weights = tf.minimum(tf.exp(3.0 * (q - built['v'](sample['s']))), 100.0)

    def actor_loss():
        mean, log_std = tf.split(built['actor'](sample['s'], training=True), 2, axis=-1)
        log_std = -1.0 + 2.0 * tf.tanh(log_std)
        log_prob = tf.reduce_sum(-0.5 * ((sample['a'] - tf.tanh(mean)) / tf.exp(log_std)) ** 2 - log_std, axis=-1, keepdims=True)
        return -tf.reduce_mean(weights * log_prob)
    pi_loss = minimise(built, 'actor', actor_loss)
    for slow, fast in zip(built['target'].weights, built['q'].weights):
        slow.assign_add(0.005 * (fast - slow))
    return {'v': v_loss, 'q': q_loss, 'pi': pi_loss}
