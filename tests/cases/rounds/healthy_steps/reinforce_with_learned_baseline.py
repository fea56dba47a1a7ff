"""REINFORCE: actions are sampled without a tape, the log-probabilities are recomputed under it; the baseline is stopped in the advantage."""
import numpy as np
import tensorflow as tf
import keras

NOTES = dict(family='RL', why_hard='a call of the policy outside of the tape, integer actions, numpy rewards and returns, stop_gradient', legit_nongradient=[])


def build():
    keras.utils.set_random_seed(3)
    s = keras.Input((4,), name='state')
    policy = keras.Model(s, keras.layers.Dense(3, name='pi')(keras.layers.Dense(16, activation='tanh', name='pi_fc')(s)), name='policy')
    s = keras.Input((4,), name='state')
    baseline = keras.Model(s, keras.layers.Dense(1, name='v')(keras.layers.Dense(16, activation='tanh', name='v_fc')(s)), name='baseline')
    return {'policy': policy, 'baseline': baseline, 'p_opt': keras.optimizers.Adam(1e-2), 'b_opt': keras.optimizers.Adam(1e-2)}


def sample():
    return {'start': np.random.default_rng(3).normal(size=(4,)).astype('float32')}


def models(built):
    return [built['policy'], built['baseline']]


def play(policy, start, length=12):
    r = np.random.default_rng(7)
    state, states, actions, rewards = start, [], [], []
    for _ in range(length):
        logits = policy(state[None], training=False)
        action = int(tf.random.categorical(logits, 1, seed=5)[0, 0])
        states.append(state)
        actions.append(action)
        state = (0.9 * state + 0.3 * (action - 1) + 0.1 * r.normal(size=4)).astype('float32')
        rewards.append(-float(np.abs(state).sum()))
    returns = np.zeros(length, 'float32')
    running = 0.0
    for i in reversed(range(length)):
        running = rewards[i] + 0.95 * running
        returns[i] = running
    return np.stack(states), np.array(actions, 'int32'), returns


def step(built, sample):
    policy, baseline = built['policy'], built['baseline']
    states, actions, returns = play(policy, sample['start'])
    with tf.GradientTape() as p_tape, tf.GradientTape() as b_tape:
        value = tf.squeeze(baseline(states, training=True), -1)
        b_loss = tf.reduce_mean(tf.square(returns - value))
        advantage = tf.stop_gradient(returns - value)
        nll = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=actions, logits=policy(states, training=True))
        p_loss = tf.reduce_mean(nll * advantage)
    built['p_opt'].apply_gradients(zip(p_tape.gradient(p_loss, policy.trainable_variables), policy.trainable_variables))
    built['b_opt'].apply_gradients(zip(b_tape.gradient(b_loss, baseline.trainable_variables), baseline.trainable_variables))
    return {'policy': p_loss, 'baseline': b_loss}
