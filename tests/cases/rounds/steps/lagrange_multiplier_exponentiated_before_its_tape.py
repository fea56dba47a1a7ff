"""Conservative Q-learning with a Lagrange multiplier: alpha = exp(log_alpha) is taken once, before the tape of its own loss opens."""
import numpy as np
import tensorflow as tf
import keras


class Multiplier(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.log_alpha = self.add_weight(name='log_alpha', shape=(), initializer='zeros')
        self.built = True

    def call(self, gap):
        return tf.exp(self.log_alpha) * gap


def build():
    keras.utils.set_random_seed(0)
    s = keras.Input((5,), name='state')
    h = keras.layers.Dense(20, activation='relu', name='q_hidden')(s)
    q = keras.Model(s, keras.layers.Dense(4, name='q_values')(h), name='q')
    target = keras.models.clone_model(q)
    target.set_weights(q.get_weights())
    target.trainable = False
    return {'q': q, 'target': target, 'multiplier': Multiplier(name='multiplier'),
            'q_opt': keras.optimizers.Adam(1e-3), 'alpha_opt': keras.optimizers.Adam(1e-2)}


def sample():
    r = np.random.default_rng(0)
    return {'state': r.normal(size=(16, 5)).astype('float32'), 'next_state': r.normal(size=(16, 5)).astype('float32'),
            'action': r.integers(0, 4, 16).astype('int32'), 'reward': r.normal(size=16).astype('float32')}


def models(built):
    return [built['q'], built['multiplier']]


def conservative_gap(values, actions):
    return tf.reduce_mean(tf.reduce_logsumexp(values, axis=-1) - tf.gather(values, actions, batch_dims=1))


def step(built, sample):
    q, log_alpha = built['q'], built['multiplier'].log_alpha
    alpha = tf.exp(log_alpha)
    goal = sample['reward'] + 0.99 * tf.reduce_max(built['target'](sample['next_state']), axis=-1)
    with tf.GradientTape() as tape:
        values = q(sample['state'], training=True)
        bellman = tf.reduce_mean((tf.gather(values, sample['action'], batch_dims=1) - goal) ** 2)
        gap = conservative_gap(values, sample['action'])
        q_loss = bellman + alpha * (gap - 1.0)
    grads = tape.gradient(q_loss, q.trainable_variables)
    built['q_opt'].apply_gradients(zip(grads, q.trainable_variables))
    with tf.GradientTape() as alpha_tape:
        alpha_loss = -alpha * (tf.stop_gradient(gap) - 1.0)
    alpha_grads = alpha_tape.gradient(alpha_loss, [log_alpha])
    built['alpha_opt'].apply_gradients(zip(alpha_grads, [log_alpha]))
    return {'q_loss': q_loss, 'alpha_loss': alpha_loss}


def fixed_step(built, sample):
    q, log_alpha = built['q'], built['multiplier'].log_alpha
    alpha = tf.exp(log_alpha)
    goal = sample['reward'] + 0.99 * tf.reduce_max(built['target'](sample['next_state']), axis=-1)
    with tf.GradientTape() as tape:
        values = q(sample['state'], training=True)
        bellman = tf.reduce_mean((tf.gather(values, sample['action'], batch_dims=1) - goal) ** 2)
        gap = conservative_gap(values, sample['action'])
        q_loss = bellman + alpha * (gap - 1.0)
    grads = tape.gradient(q_loss, q.trainable_variables)
    built['q_opt'].apply_gradients(zip(grads, q.trainable_variables))
    with tf.GradientTape() as alpha_tape:
        alpha_loss = -tf.exp(log_alpha) * (tf.stop_gradient(gap) - 1.0)
    alpha_grads = alpha_tape.gradient(alpha_loss, [log_alpha])
    built['alpha_opt'].apply_gradients(zip(alpha_grads, [log_alpha]))
    return {'q_loss': q_loss, 'alpha_loss': alpha_loss}


EXPECT = {
    'source': 'own', 'title': 'Lagrange multiplier computed before its tape', 'source_kind': 'own',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'log_alpha', 'layer': None, 'op': None, 'line': 'alpha = tf.exp(log_alpha)'},
    'why': 'The tape of alpha_loss sees alpha as a constant: nothing of log_alpha is read while it records.',
    'fix': 'Compute tf.exp(log_alpha) inside the block of alpha_tape.',
}
EXPECT['also'] = [{'variable': 'log_alpha', 'line': 'alpha_loss = -alpha * (tf.stop_gradient(gap) - 1.0)'},
                  {'variable': 'log_alpha', 'line': 'with tf.GradientTape() as alpha_tape:'},
                  {'variable': 'log_alpha', 'line': 'alpha_grads = alpha_tape.gradient(alpha_loss, [log_alpha])'}, {'variable': 'log_alpha', 'op': 'Exp'}]
