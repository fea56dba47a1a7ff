"""Continuous-control PPO update with a learned spread of the actions and an entropy bonus."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable(package='fresh_s6')
class GaussianHead(keras.layers.Layer):
    def __init__(self, actions, **kwargs):
        super().__init__(**kwargs)
        self.actions = actions
        self.mean = keras.layers.Dense(actions, name='mean')

    def build(self, shape):
        self.mean.build(shape)
        self.log_std = self.add_weight(shape=(self.actions,), initializer=keras.initializers.Constant(-0.5), name='log_std')

    def call(self, x):
        mean = self.mean(x)
        return mean, self.log_std + tf.zeros_like(mean)

    def get_config(self):
        return {**super().get_config(), 'actions': self.actions}


def build():
    keras.utils.set_random_seed(18)
    joints = keras.Input((6,), name='joints')
    x = keras.layers.Dense(12, activation='tanh', name='torso')(joints)
    mean, log_std = GaussianHead(2, name='gaussian')(x)
    actor = keras.Model({'joints': joints}, {'mean': mean, 'log_std': log_std}, name='actor')
    critic = keras.Sequential([keras.Input((6,)), keras.layers.Dense(12, activation='tanh', name='c1'), keras.layers.Dense(1, name='c2')], name='critic')
    return {'actor': actor, 'critic': critic, 'optimizer': keras.optimizers.Adam(3e-4)}


def sample():
    r = np.random.default_rng(18)
    return {'joints': r.normal(size=(16, 6)).astype('float32'), 'action': r.normal(size=(16, 2)).astype('float32'),
            'old_log_std': np.full((16, 2), -0.5, 'float32'), 'old_log_prob': r.normal(-2, 0.3, 16).astype('float32'),
            'return': r.normal(size=16).astype('float32')}


def models(built):
    return [built['actor'], built['critic']]


def log_density(action, mean, log_std):
    return tf.reduce_sum(-0.5 * tf.square((action - mean) * tf.exp(-log_std)) - log_std - 0.919, -1)


def step(built, sample):
    actor, critic = built['actor'], built['critic']
    variables = actor.trainable_variables + critic.trainable_variables
    log_std = sample['old_log_std']
    with tf.GradientTape() as tape:
        out = actor({'joints': sample['joints']}, training=True)
        value = tf.squeeze(critic(sample['joints'], training=True), -1)
        advantage = tf.stop_gradient(sample['return'] - value)
        ratio = tf.exp(log_density(sample['action'], out['mean'], log_std) - sample['old_log_prob'])
        surrogate = tf.minimum(ratio * advantage, tf.clip_by_value(ratio, 0.8, 1.2) * advantage)
        entropy = tf.reduce_sum(log_std + 1.419, -1)
        loss = tf.reduce_mean(0.5 * tf.square(sample['return'] - value) - surrogate - 0.01 * entropy)
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients([(g, v) for g, v in zip(grads, variables) if g is not None])
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(variables, grads)}}


def fixed_step(built, sample):
    actor, critic = built['actor'], built['critic']
    variables = actor.trainable_variables + critic.trainable_variables
    with tf.GradientTape() as tape:
        out = actor({'joints': sample['joints']}, training=True)
        log_std = out['log_std']
        value = tf.squeeze(critic(sample['joints'], training=True), -1)
        advantage = tf.stop_gradient(sample['return'] - value)
        ratio = tf.exp(log_density(sample['action'], out['mean'], log_std) - sample['old_log_prob'])
        surrogate = tf.minimum(ratio * advantage, tf.clip_by_value(ratio, 0.8, 1.2) * advantage)
        entropy = tf.reduce_sum(log_std + 1.419, -1)
        loss = tf.reduce_mean(0.5 * tf.square(sample['return'] - value) - surrogate - 0.01 * entropy)
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients([(g, v) for g, v in zip(grads, variables) if g is not None])
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(variables, grads)}}


EXPECT = {
    'source': 'https://github.com/rlworkgroup/garage/issues/281',
    'title': 'policy_ent_coeff does not seem to work in tf/NPO',
    'source_kind': 'variant',
    'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'log_std', 'layer': None, 'op': None, 'line': "log_std = sample['old_log_std']"},
    'why': 'Density and entropy use the spread that was recorded during the rollout, so the learned one takes no part in the loss.',
    'fix': 'Use the spread that the actor returns.',
    'also': [{'input': None, 'variable': 'log_std', 'layer': 'gaussian', 'op': None, 'line': None},
             {'input': None, 'variable': 'log_std', 'layer': None, 'op': None, 'line': "ratio = tf.exp(log_density(sample['action'], out['mean'], log_std)"},
             {'input': None, 'variable': 'log_std', 'layer': None, 'op': None, 'line': 'entropy = tf.reduce_sum(log_std + 1.419, -1)'},
             {'input': None, 'variable': 'log_std', 'layer': None, 'op': None, 'line': "out = actor({'joints': sample['joints']}, training=True)"}],
    'symptom': [('grad', 'gaussian/log_std', 'none')],
}
