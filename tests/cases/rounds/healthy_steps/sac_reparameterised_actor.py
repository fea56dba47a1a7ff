"""Soft actor-critic: twin critics, a squashed Gaussian actor that learns through the critics, a learned temperature."""
import numpy as np
import tensorflow as tf
import keras

NOTES = dict(family='RL', why_hard='the actor loss goes through critics that it does not update; a free tf.Variable with its own optimizer', legit_nongradient=[])


def critic(name):
    s, a = keras.Input((5,), name='state'), keras.Input((2,), name='action')
    h = keras.layers.Dense(16, activation='relu', name=f'{name}_fc')(keras.layers.Concatenate(name=f'{name}_in')([s, a]))
    return keras.Model([s, a], keras.layers.Dense(1, name=f'{name}_q')(h), name=name)


def build():
    keras.utils.set_random_seed(9)
    s = keras.Input((5,), name='state')
    h = keras.layers.Dense(16, activation='relu', name='actor_fc')(s)
    actor = keras.Model(s, [keras.layers.Dense(2, name='mu')(h), keras.layers.Dense(2, name='log_std')(h)], name='actor')
    nets = {'actor': actor, 'q1': critic('q1'), 'q2': critic('q2'), 'q1_target': critic('q1t'), 'q2_target': critic('q2t')}
    for k in ('q1', 'q2'):
        nets[f'{k}_target'].set_weights(nets[k].get_weights())
        nets[f'{k}_target'].trainable = False
    return {**nets, 'log_alpha': tf.Variable(0.0, name='log_alpha'),
            'a_opt': keras.optimizers.Adam(3e-4), 'c_opt': keras.optimizers.Adam(3e-4), 't_opt': keras.optimizers.Adam(3e-4)}


def sample():
    r = np.random.default_rng(9)
    f = lambda *s: r.normal(size=s).astype('float32')
    return {'state': f(24, 5), 'action': np.tanh(f(24, 2)), 'reward': f(24, 1), 'next_state': f(24, 5), 'noise': f(24, 2), 'next_noise': f(24, 2)}


def models(built):
    return [built['actor'], built['q1'], built['q2']]


def propose(actor, state, noise):
    mu, log_std = actor(state, training=True)
    log_std = -5.0 + 3.5 * (tf.tanh(log_std) + 1.0)
    raw = mu + tf.exp(log_std) * noise
    action = tf.tanh(raw)
    log_p = tf.reduce_sum(-0.5 * tf.square(noise) - log_std - 0.9189385 - tf.math.log(1.0 - tf.square(action) + 1e-6), -1, keepdims=True)
    return action, log_p


def step(built, sample, gamma=0.99, tau=0.005):
    actor, q1, q2 = built['actor'], built['q1'], built['q2']
    sample = {k: tf.constant(v) for k, v in sample.items()}
    alpha = tf.exp(built['log_alpha'])
    a2, lp2 = propose(actor, sample['next_state'], sample['next_noise'])
    soft = tf.minimum(built['q1_target']([sample['next_state'], a2]), built['q2_target']([sample['next_state'], a2])) - alpha * lp2
    goal = sample['reward'] + gamma * soft
    with tf.GradientTape() as tape:
        c_loss = sum(tf.reduce_mean(tf.square(q([sample['state'], sample['action']], training=True) - goal)) for q in (q1, q2))
    weights = q1.trainable_variables + q2.trainable_variables
    built['c_opt'].apply_gradients(zip(tape.gradient(c_loss, weights), weights))
    with tf.GradientTape() as tape:
        action, log_p = propose(actor, sample['state'], sample['noise'])
        a_loss = tf.reduce_mean(alpha * log_p - tf.minimum(q1([sample['state'], action]), q2([sample['state'], action])))
    built['a_opt'].apply_gradients(zip(tape.gradient(a_loss, actor.trainable_variables), actor.trainable_variables))
    with tf.GradientTape() as tape:
        t_loss = -tf.reduce_mean(built['log_alpha'] * tf.stop_gradient(log_p - 2.0))
    built['t_opt'].apply_gradients([(tape.gradient(t_loss, built['log_alpha']), built['log_alpha'])])
    for k in ('q1', 'q2'):
        for slow, fast in zip(built[f'{k}_target'].variables, built[k].variables):
            slow.assign((1 - tau) * slow + tau * fast)
    return {'critic': c_loss, 'actor': a_loss, 'temperature': t_loss}
