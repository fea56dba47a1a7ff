"""PPO: the old log probabilities are recomputed from the current policy inside of the tape; the ratio is one and its gradient zero."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    s = keras.Input((6,), name='state')
    h = keras.layers.Dense(32, activation='tanh', name='pi_fc')(s)
    policy = keras.Model(s, keras.layers.Dense(4, name='pi_logits')(h), name='policy')
    s = keras.Input((6,), name='state')
    h = keras.layers.Dense(32, activation='tanh', name='v_fc')(s)
    value = keras.Model(s, keras.layers.Dense(1, name='v_out')(h), name='value')
    return {'policy': policy, 'value': value, 'p_opt': keras.optimizers.Adam(3e-4), 'v_opt': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'state': r.normal(size=(24, 6)).astype('float32'), 'action': r.integers(0, 4, 24), 'advantage': r.normal(size=24).astype('float32'),
            'returns': r.normal(size=24).astype('float32'), 'logp': np.full(24, -np.log(4), 'float32')}


def models(built):
    return [built['policy'], built['value']]


def log_prob(policy, sample):
    return -tf.nn.sparse_softmax_cross_entropy_with_logits(sample['action'], policy(sample['state'], training=True))


def clipped(ratio, adv, eps=0.2):
    return -tf.reduce_mean(tf.minimum(ratio * adv, tf.clip_by_value(ratio, 1 - eps, 1 + eps) * adv))


def train_value(built, sample):
    value = built['value']
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(sample['returns'] - value(sample['state'])[:, 0]))
    built['v_opt'].apply_gradients(zip(tape.gradient(loss, value.trainable_variables), value.trainable_variables))


def step(built, sample):
    policy = built['policy']
    with tf.GradientTape() as tape:
        new_log_probs = log_prob(policy, sample)
        old_log_probs = log_prob(policy, sample)
        ratio = tf.exp(new_log_probs - old_log_probs)
        loss = clipped(ratio, sample['advantage'])
    grads = tape.gradient(loss, policy.trainable_variables)
    built['p_opt'].apply_gradients(zip(grads, policy.trainable_variables))
    train_value(built, sample)
    return loss


def fixed_step(built, sample):
    policy = built['policy']
    with tf.GradientTape() as tape:
        loss = clipped(tf.exp(log_prob(policy, sample) - sample['logp']), sample['advantage'])
    built['p_opt'].apply_gradients(zip(tape.gradient(loss, policy.trainable_variables), policy.trainable_variables))
    train_value(built, sample)
    return loss


EXPECT = {
    'source': 'https://github.com/tensorforce/tensorforce/issues/312',
    'title': 'Possible bug: prob_ratio always 1', 'source_kind': 'variant', 'category': 'zero_gradient',
    'culprit': {'input': None, 'variable': 'pi_logits/kernel', 'layer': None, 'op': 'Sub', 'line': 'old_log_probs = log_prob(policy, sample)'},
    'why': 'Old and new log probabilities are the same function of the same weights: their difference is constantly zero and so is its gradient.',
    'fix': 'Use the log probabilities stored at the rollout (or stop the gradient of the old ones).',
    'also': [{'variable': 'pi_', 'op': None, 'line': 'old_log_probs = log_prob(policy, sample)'}, {'variable': 'pi_', 'op': None, 'line': 'ratio = tf.exp(new_log_probs - old_log_probs)'},
             {'variable': 'pi_', 'op': 'Exp', 'line': None}, {'variable': 'pi_', 'op': 'Sub', 'line': None}, {'variable': 'pi_', 'op': None, 'line': 'loss = clipped(ratio, sample'},
             {'layer': 'policy', 'op': None, 'line': None, 'variable': None}, {'input': 'logp', 'variable': None, 'op': None, 'line': 'old_log_probs = log_prob(policy, sample)'}],
    'symptom': [('unmoved', 'pi_')],
}
