"""Soft actor-critic: twin critics, Polyak targets, temperature, several optimizers, lambdas as losses."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable(package='S5h')
class Temperature(keras.Model):
    def __init__(self, **kw):
        super().__init__(**kw)
        self.log_alpha = self.add_weight(shape=(), initializer='zeros', name='log_alpha')

    def call(self, inputs=None):
        return tf.exp(self.log_alpha)


def critic_net(name):
    s, a = keras.Input((5,), name='s'), keras.Input((2,), name='a')
    h = keras.layers.Dense(24, activation='relu', name=f'{name}_h')(keras.layers.Concatenate(name=f'{name}_in')([s, a]))
    return keras.Model([s, a], keras.layers.Dense(1, name=f'{name}_q')(h), name=name)


def build():
    keras.utils.set_random_seed(103)
    s = keras.Input((5,), name='s')
    h = keras.layers.Dense(24, activation='relu', name='pi_h')(s)
    actor = keras.Model(s, [keras.layers.Dense(2, name='pi_mu')(h), keras.layers.Dense(2, name='pi_ls')(h)], name='actor')
    nets = {k: critic_net(k) for k in ('q1', 'q2', 'q1_target', 'q2_target')}
    for k in ('q1', 'q2'):
        nets[k + '_target'].set_weights(nets[k].get_weights())
        nets[k + '_target'].trainable = False
    opts = {k: keras.optimizers.Adam(1e-3) for k in ('actor', 'critic', 'alpha')}
    return {'actor': actor, **nets, 'temperature': Temperature(name='temperature'), 'opts': opts}


def sample():
    r = np.random.default_rng(103)
    f = lambda *s: r.normal(size=s).astype('float32')
    return {'s': f(10, 5), 'a': np.tanh(f(10, 2)), 'r': f(10, 1), 's2': f(10, 5), 'done': (f(10, 1) > 1).astype('float32')}


def models(built):
    return [built[k] for k in ('actor', 'q1', 'q2', 'temperature', 'q1_target', 'q2_target')]


def act(actor, s):
    mu, ls = actor(s, training=True)
    ls = -3. + 2. * (tf.tanh(ls) + 1.)
    eps = tf.random.normal(tf.shape(mu))
    u = mu + tf.exp(ls) * eps
    logp = -0.5 * eps ** 2 - ls - 0.9189 - 2. * (np.log(2.) - u - tf.nn.softplus(-2. * u))
    return tf.tanh(u), tf.reduce_sum(logp, -1, keepdims=True)


def minimise(optimizer, weights, loss_fn):
    with tf.GradientTape() as tape:
        loss = loss_fn()
    gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, weights), 40.)
    optimizer.apply_gradients(zip(gradients, weights))
    return loss


def step(built, b, gamma=0.98, tau=0.01):
    b = {k: tf.convert_to_tensor(v) for k, v in b.items()}
    actor, q1, q2, opts = built['actor'], built['q1'], built['q2'], built['opts']
    alpha = built['temperature'](None)
    a2, logp2 = act(actor, b['s2'])
    soft = tf.minimum(built['q1_target']([b['s2'], a2]), built['q2_target']([b['s2'], a2])) - alpha * logp2
    goal = tf.stop_gradient(b['r'] + gamma * (1. - b['done']) * soft)
    logs = {'critic': minimise(opts['critic'], q1.trainable_variables + q2.trainable_variables, lambda: tf.add_n(
        [tf.reduce_mean(tf.square(q([b['s'], b['a']], training=True) - goal)) for q in (q1, q2)]))}

    def actor_loss():
        a, logp = act(actor, b['s'])
        return tf.reduce_mean(alpha * logp - tf.minimum(q1([b['s'], a]), q2([b['s'], a])))
    logs['actor'] = minimise(opts['actor'], actor.trainable_variables, actor_loss)
    _, logp = act(actor, b['s'])
    logs['alpha'] = minimise(opts['alpha'], built['temperature'].trainable_variables, lambda: -tf.reduce_mean(built['temperature'](None) * (logp - 2.)))
    for name in ('q1', 'q2'):
        for t, v in zip(built[name + '_target'].variables, built[name].variables):
            t.assign(tau * v + (1. - tau) * t)
    return logs


NOTES = dict(family='rl', why_hard='alpha is a constant in the actor and critic losses; targets are frozen', legit_nongradient=[])
