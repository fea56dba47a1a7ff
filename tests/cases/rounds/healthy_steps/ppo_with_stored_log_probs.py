"""PPO: Gaussian policy with a learned standard deviation, entropy bonus, two epochs, one optimizer."""
import numpy as np
import tensorflow as tf
import keras


class GaussianPolicy(keras.Model):
    def __init__(self):
        super().__init__(name='policy')
        self.hidden = keras.layers.Dense(16, activation='tanh', name='hidden')
        self.mean = keras.layers.Dense(2, name='mean')
        self.value = keras.layers.Dense(1, name='value')
        self.log_std = self.add_weight(shape=(2,), initializer='zeros', name='log_std')

    def call(self, s):
        h = self.hidden(s)
        return self.mean(h), self.log_std, self.value(h)[:, 0]


def build():
    keras.utils.set_random_seed(5)
    policy = GaussianPolicy()
    policy(np.zeros((1, 6), 'float32'))
    return {'policy': policy, 'opt': keras.optimizers.Adam(3e-4)}


def sample():
    r = np.random.default_rng(5)
    a = r.normal(size=(16, 2))
    return {'state': r.normal(size=(16, 6)).astype('float32'), 'action': a.astype('float32'), 'old_log_prob': (-0.5 * (a ** 2 + np.log(2 * np.pi)).sum(1)).astype('float32'),
            'advantage': r.normal(size=16).astype('float32'), 'return': r.normal(size=16).astype('float32')}


def models(built):
    return [built['policy']]


def step(built, sample):
    policy = built['policy']
    advantage = (sample['advantage'] - sample['advantage'].mean()) / (sample['advantage'].std() + 1e-8)
    for _ in range(2):
        with tf.GradientTape() as tape:
            mean, log_std, value = policy(sample['state'], training=True)
            z = (sample['action'] - mean) * tf.exp(-log_std)
            log_prob = tf.reduce_sum(-0.5 * tf.square(z) - log_std - 0.5 * np.log(2 * np.pi), axis=1)
            ratio = tf.exp(log_prob - sample['old_log_prob'])
            gain = tf.minimum(ratio * advantage, tf.clip_by_value(ratio, 0.8, 1.2) * advantage)
            loss = -tf.reduce_mean(gain) + 0.5 * tf.reduce_mean(tf.square(value - sample['return'])) - 0.01 * tf.reduce_sum(log_std)
        grads, _norm = tf.clip_by_global_norm(tape.gradient(loss, policy.trainable_variables), 0.5)
        built['opt'].apply_gradients(zip(grads, policy.trainable_variables))
    return {'loss': loss}
