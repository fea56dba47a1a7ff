"""Soft actor-critic: reparametrized squashed Gaussian, twin critics with target copies, learned temperature."""
import numpy as np
import tensorflow as tf
import keras


def q_net(name):
    s, a = keras.Input((4,), name='s'), keras.Input((2,), name='a')
    h = keras.layers.Dense(24, activation='relu', name=f'{name}_h')(keras.layers.Concatenate()([s, a]))
    return keras.Model([s, a], keras.layers.Dense(1, name=f'{name}_o')(h), name=name)


def build():
    keras.utils.set_random_seed(0)
    s = keras.Input((4,), name='s')
    h = keras.layers.Dense(24, activation='relu', name='pi_h')(s)
    actor = keras.Model(s, [keras.layers.Dense(2, name='pi_mu')(h), keras.layers.Dense(2, name='pi_logstd')(h)], name='actor')
    qs, targets = [q_net('q1'), q_net('q2')], [q_net('t1'), q_net('t2')]
    for q, t in zip(qs, targets):
        t.set_weights(q.get_weights())
        t.trainable = False
    return {'actor': actor, 'qs': qs, 'targets': targets, 'log_alpha': tf.Variable(0.0, name='log_alpha'),
            'opts': [keras.optimizers.Adam(3e-4) for _ in range(3)]}


def sample():
    r = np.random.default_rng(0)
    f = lambda *s: r.normal(size=s).astype('float32')
    return {'s': f(16, 4), 'a': np.tanh(f(16, 2)), 'r': f(16, 1), 's2': f(16, 4), 'done': (f(16, 1) > 1).astype('float32')}


def models(built):
    return [built['actor'], *built['qs']]


def act(actor, s, seed):
    mu, log_std = actor(s, training=True)
    log_std = tf.clip_by_value(log_std, -5.0, 2.0)
    eps = tf.random.stateless_normal(tf.shape(mu), (seed, 7))
    a = tf.tanh(mu + tf.exp(log_std) * eps)
    logp = tf.reduce_sum(-0.5 * eps ** 2 - log_std - 0.919 - tf.math.log(1 - a ** 2 + 1e-6), -1, keepdims=True)
    return a, logp


def step(built, sample):
    actor, qs, alpha = built['actor'], built['qs'], tf.exp(built['log_alpha'])
    sample = {k: tf.convert_to_tensor(v) for k, v in sample.items()}
    a2, logp2 = act(actor, sample['s2'], 1)
    q2 = tf.minimum(*[t([sample['s2'], a2]) for t in built['targets']])
    y = tf.stop_gradient(sample['r'] + 0.99 * (1 - sample['done']) * (q2 - alpha * logp2))
    q_vars = [v for q in qs for v in q.trainable_variables]
    with tf.GradientTape() as tape:
        q_loss = tf.add_n([tf.reduce_mean((q([sample['s'], sample['a']]) - y) ** 2) for q in qs])
    built['opts'][0].apply_gradients(zip(tape.gradient(q_loss, q_vars), q_vars))
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([v.value for v in actor.trainable_variables])
        a, logp = act(actor, sample['s'], 2)
        pi_loss = tf.reduce_mean(alpha * logp - tf.minimum(*[q([sample['s'], a]) for q in qs]))
    built['opts'][1].apply_gradients(zip(tape.gradient(pi_loss, [v.value for v in actor.trainable_variables]), actor.trainable_variables))
    with tf.GradientTape() as tape:
        alpha_loss = -tf.reduce_mean(built['log_alpha'] * tf.stop_gradient(logp - 2.0))
    built['opts'][2].apply_gradients([(tape.gradient(alpha_loss, built['log_alpha']), built['log_alpha'])])
    for q, t in zip(qs, built['targets']):
        for v, w in zip(q.variables, t.variables):
            w.assign(0.995 * w + 0.005 * v)
    return {'q': q_loss, 'pi': pi_loss, 'alpha': alpha_loss}
