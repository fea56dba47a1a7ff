"""PPO: the old log-probabilities are computed by the current policy inside of the tape, so that numerator and denominator cancel."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(17)
    s = keras.Input((8,), name='joints')
    h = keras.layers.Dense(20, activation='tanh', name='policy_hidden')(s)
    policy = keras.Model(s, keras.layers.Dense(4, name='policy_logits')(h), name='policy')
    v = keras.Input((8,), name='joints_v')
    critic = keras.Model(v, keras.layers.Dense(1, name='critic_out')(keras.layers.Dense(20, activation='tanh', name='critic_hidden')(v)), name='critic')
    return {'policy': policy, 'critic': critic, 'policy_optimizer': keras.optimizers.Adam(3e-4), 'critic_optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(17)
    logits = r.normal(size=(16, 4))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    action = np.array([r.choice(4, p=q) for q in p])
    return {'state': r.normal(size=(16, 8)).astype('float32'), 'action': action.astype('int32'), 'old_log_prob': np.log(p[np.arange(16), action]).astype('float32'),
            'advantage': r.normal(size=16).astype('float32'), 'return': r.normal(size=(16, 1)).astype('float32')}


def models(built):
    return [built['policy'], built['critic']]


def log_prob(policy, sample):
    return tf.gather(tf.nn.log_softmax(policy(sample['state'], training=True)), sample['action'], batch_dims=1)


def clipped(ratio, advantage):
    return -tf.reduce_mean(tf.minimum(ratio * advantage, tf.clip_by_value(ratio, 0.8, 1.2) * advantage))


def train_critic(built, sample):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(built['critic'](sample['state'], training=True) - sample['return']))
    weights = built['critic'].trainable_variables
    built['critic_optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))


def step(built, sample):
    policy = built['policy']
    with tf.GradientTape() as tape:
        new = log_prob(policy, sample)
        old = log_prob(policy, sample)
        loss = clipped(tf.exp(new - old), sample['advantage'])
    grads = tape.gradient(loss, policy.trainable_variables)
    built['policy_optimizer'].apply_gradients(zip(grads, policy.trainable_variables))
    train_critic(built, sample)
    return {'loss': loss}


def fixed_step(built, sample):
    policy = built['policy']
    with tf.GradientTape() as tape:
        new = log_prob(policy, sample)
        loss = clipped(tf.exp(new - sample['old_log_prob']), sample['advantage'])
    grads = tape.gradient(loss, policy.trainable_variables)
    built['policy_optimizer'].apply_gradients(zip(grads, policy.trainable_variables))
    train_critic(built, sample)
    return {'loss': loss}


EXPECT = {
    'source': 'https://github.com/abhisheksuran/Reinforcement_Learning/issues/4', 'title': 'PPO: the ratio between old and new probabilities is always 1', 'source_kind': 'variant',
    'category': 'zero_gradient',
    'culprit': {'input': None, 'variable': 'policy_hidden/kernel', 'layer': None, 'op': 'Sub', 'line': 'old = log_prob(policy, sample)'},
    'why': 'Both log-probabilities are the same function of the same weights: the ratio is 1 and the gradients cancel to 0.',
    'fix': 'Use the log-probabilities that were stored when the actions were sampled.',
}
EXPECT['also'] = [{'op': None}, {'variable': 'policy_logits'}, {'variable': None}, {'op': None, 'variable': 'policy_logits'}, {'op': None, 'variable': None},
                  {'line': "loss = clipped(tf.exp(new - old), sample['advantage'])"}, {'line': "loss = clipped(tf.exp(new - old), sample['advantage'])", 'op': None},
                  {'line': 'new = log_prob(policy, sample)', 'op': None}, {'op': 'Exp', 'line': "loss = clipped(tf.exp(new - old), sample['advantage'])"}, {'layer': 'policy', 'op': None}]
