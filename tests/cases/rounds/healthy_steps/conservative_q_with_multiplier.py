"""Conservative Q-learning with twin critics, a Polyak target and a Lagrange multiplier that is trained by its own tape."""
import numpy as np
import tensorflow as tf
import keras


class Multiplier(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.log_alpha = self.add_weight(name='log_alpha', shape=(), initializer='zeros')
        self.built = True

    def call(self, gap):
        return tf.exp(tf.clip_by_value(self.log_alpha, -10.0, 10.0)) * gap


def critic(name):
    s = keras.Input((5,), name='state')
    h = keras.layers.Dense(20, activation='relu', name=f'{name}_hidden')(s)
    return keras.Model(s, keras.layers.Dense(4, name=f'{name}_values')(h), name=name)


def build():
    keras.utils.set_random_seed(0)
    built = {'q1': critic('q1'), 'q2': critic('q2'), 't1': critic('t1'), 't2': critic('t2'), 'multiplier': Multiplier(name='multiplier'),
             'q_opt': keras.optimizers.Adam(3e-4), 'alpha_opt': keras.optimizers.Adam(1e-2)}
    for q, t in (('q1', 't1'), ('q2', 't2')):
        built[t].set_weights(built[q].get_weights())
        built[t].trainable = False
    return built


def sample():
    r = np.random.default_rng(0)
    return {'state': r.normal(size=(16, 5)).astype('float32'), 'next_state': r.normal(size=(16, 5)).astype('float32'),
            'action': r.integers(0, 4, 16).astype('int32'), 'reward': r.normal(size=16).astype('float32'), 'done': r.integers(0, 2, 16).astype('float32')}


def models(built):
    return [built['q1'], built['q2'], built['multiplier']]


def step(built, sample):
    multiplier = built['multiplier']
    q_vars = built['q1'].trainable_variables + built['q2'].trainable_variables
    following = tf.minimum(built['t1'](sample['next_state']), built['t2'](sample['next_state']))
    goal = sample['reward'] + 0.99 * (1.0 - sample['done']) * tf.reduce_max(following, axis=-1)
    with tf.GradientTape(persistent=True) as tape:
        bellman, gap = 0.0, 0.0
        for name in ('q1', 'q2'):
            values = built[name](sample['state'], training=True)
            taken = tf.gather(values, sample['action'], batch_dims=1)
            bellman += tf.reduce_mean((taken - goal) ** 2)
            gap += tf.reduce_mean(tf.reduce_logsumexp(values, axis=-1) - taken)
        penalty = multiplier(gap - 2.0)
        q_loss = bellman + penalty
        alpha_loss = -penalty
    built['q_opt'].apply_gradients(zip(tape.gradient(q_loss, q_vars), q_vars))
    built['alpha_opt'].apply_gradients(zip(tape.gradient(alpha_loss, multiplier.trainable_variables), multiplier.trainable_variables))
    del tape
    for q, t in (('q1', 't1'), ('q2', 't2')):
        for slow, fast in zip(built[t].weights, built[q].weights):
            slow.assign(0.995 * slow + 0.005 * fast)
    return {'q_loss': q_loss, 'alpha_loss': alpha_loss}
