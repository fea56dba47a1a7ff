"""Soft actor-critic: alpha = exp(log_alpha) is computed when the agent is made, not inside of the tape."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable(package='S5')
class Temperature(keras.Model):
    def __init__(self, **kw):
        super().__init__(**kw)
        self.log_alpha = self.add_weight(shape=(), initializer='zeros', name='log_alpha')

    def call(self, inputs=None):
        return tf.exp(self.log_alpha)


def build():
    keras.utils.set_random_seed(18)
    s = keras.Input((5,), name='s')
    h = keras.layers.Dense(16, activation='relu', name='pi_hidden')(s)
    actor = keras.Model(s, [keras.layers.Dense(2, name='pi_mean')(h), keras.layers.Dense(2, activation='tanh', name='pi_logstd')(h)], name='actor')
    s2, a = keras.Input((5,), name='s2'), keras.Input((2,), name='a')
    h = keras.layers.Dense(16, activation='relu', name='q_hidden')(keras.layers.Concatenate(name='q_in')([s2, a]))
    critic = keras.Model([s2, a], keras.layers.Dense(1, name='q_out')(h), name='critic')
    return {'actor': actor, 'critic': critic, 'temperature': Temperature(name='temperature'),
            'optimizers': {k: keras.optimizers.Adam(3e-4) for k in ('actor', 'critic', 'temperature')}}


def sample():
    r = np.random.default_rng(18)
    f = lambda *s: r.normal(size=s).astype('float32')
    return {'s': f(8, 5), 'a': np.tanh(f(8, 2)), 'r': f(8, 1), 's_next': f(8, 5)}


def models(built):
    return [built['actor'], built['critic'], built['temperature']]


class Agent:
    target_entropy, gamma = -2., 0.99

    def __init__(self, actor, critic, temperature, optimizers):
        self.actor, self.critic, self.temperature, self.optimizers = actor, critic, temperature, optimizers
        self.alpha = self.temperature(None)

    def policy(self, s):
        mean, logstd = self.actor(s, training=True)
        noise = tf.random.normal(tf.shape(mean))
        a = tf.tanh(mean + tf.exp(logstd) * noise)
        logp = -0.5 * tf.square(noise) - logstd - 0.919 - tf.math.log(1. - tf.square(a) + 1e-4)
        return a, tf.reduce_sum(logp, -1, keepdims=True)

    def minimise(self, name, loss_fn):
        player = getattr(self, name)
        with tf.GradientTape() as tape:
            loss = loss_fn()
        gradients = tape.gradient(loss, player.trainable_variables)
        self.optimizers[name].apply_gradients(zip(gradients, player.trainable_variables))
        return loss

    def critic_loss(self, b):
        a, logp = self.policy(b['s_next'])
        goal = tf.stop_gradient(b['r'] + self.gamma * (self.critic([b['s_next'], a]) - self.alpha * logp))
        return tf.reduce_mean(tf.square(self.critic([b['s'], b['a']], training=True) - goal))

    def actor_loss(self, b):
        a, logp = self.policy(b['s'])
        return tf.reduce_mean(tf.stop_gradient(self.alpha) * logp - self.critic([b['s'], a]))

    def temperature_loss(self, b):
        _, logp = self.policy(b['s'])
        return -tf.reduce_mean(self.alpha * tf.stop_gradient(logp + self.target_entropy))

    def train_step(self, b):
        b = {k: tf.convert_to_tensor(v) for k, v in b.items()}
        return {name: self.minimise(name, lambda: getattr(self, f'{name}_loss')(b)) for name in ('critic', 'actor', 'temperature')}


class MendedAgent(Agent):
    def temperature_loss(self, b):
        self.alpha = self.temperature(None)
        return super().temperature_loss(b)


def step(built, sample):
    return Agent(**built).train_step(sample)


def fixed_step(built, sample):
    return MendedAgent(**built).train_step(sample)


EXPECT = {
    'source': None, 'title': 'self.alpha = exp(log_alpha) in __init__ is a constant for the tape',
    'source_kind': 'own', 'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'log_alpha', 'layer': None, 'op': None, 'line': 'self.alpha = self.temperature(None)'},
    'why': 'alpha was computed before any tape: log_alpha has no gradient and the temperature is not tuned.',
    'fix': 'Compute alpha in the loss of the temperature.',
    'also': [{'input': None, 'variable': 'log_alpha', 'layer': None, 'op': None, 'line': 'return -tf.reduce_mean(self.alpha * tf.stop_gradient(logp + self.target_entropy))'},
             {'input': None, 'variable': 'log_alpha', 'layer': None, 'op': None, 'line': 'loss = loss_fn()'},
             {'input': None, 'variable': 'log_alpha', 'layer': None, 'op': None, 'line': 'with tf.GradientTape() as tape:'}],
}
