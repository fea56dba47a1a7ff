"""PPO: old log probabilities and values collected once as NumPy, two epochs of shuffled minibatches, GAE, entropy."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(117)
    s = keras.Input((6,), name='s')
    h = keras.layers.Dense(24, activation='tanh', name='shared')(s)
    pi = keras.layers.Dense(4, name='pi')(keras.layers.Dense(12, activation='tanh', name='pi_h')(h))
    v = keras.layers.Dense(1, name='v')(keras.layers.Dense(12, activation='tanh', name='v_h')(h))
    return {'net': keras.Model(s, [pi, v], name='actor_critic'), 'optimizer': keras.optimizers.Adam(3e-4, epsilon=1e-5)}


def sample():
    r = np.random.default_rng(117)
    return {'s': r.normal(size=(17, 6)).astype('float32'), 'r': r.normal(size=16).astype('float32'), 'done': (r.uniform(size=16) < 0.1).astype('float32')}


def models(built):
    return [built['net']]


def log_prob(logits, actions):
    return -tf.nn.sparse_softmax_cross_entropy_with_logits(actions, logits)


def collect(net, s):
    logits, values = net(s, training=False)
    actions = tf.random.categorical(logits, 1, seed=0)[:, 0]
    return actions.numpy()[:-1], log_prob(logits, actions).numpy()[:-1], values.numpy()[:, 0]


def gae(r, done, v, gamma=0.99, lam=0.95):
    out, last = np.zeros_like(r), 0.
    for t in reversed(range(len(r))):
        delta = r[t] + gamma * v[t + 1] * (1 - done[t]) - v[t]
        last = delta + gamma * lam * (1 - done[t]) * last
        out[t] = last
    return out


def step(built, sample, clip=0.2, epochs=2):
    net, rng = built['net'], np.random.default_rng(0)
    actions, old_logp, old_v = collect(net, sample['s'])
    advantage = gae(sample['r'], sample['done'], old_v)
    returns = advantage + old_v[:-1]
    for _ in range(epochs):
        for rows in np.array_split(rng.permutation(16), 2):
            a = (advantage[rows] - advantage[rows].mean()) / (advantage[rows].std() + 1e-8)
            with tf.GradientTape() as tape:
                logits, v = net(sample['s'][rows], training=True)
                ratio = tf.exp(log_prob(logits, actions[rows]) - old_logp[rows])
                policy = -tf.reduce_mean(tf.minimum(ratio * a, tf.clip_by_value(ratio, 1. - clip, 1. + clip) * a))
                value = 0.5 * tf.reduce_mean(tf.square(tf.squeeze(v, -1) - returns[rows]))
                entropy = -tf.reduce_mean(tf.reduce_sum(tf.nn.softmax(logits) * tf.nn.log_softmax(logits), -1))
                loss = policy + 0.5 * value - 0.01 * entropy
            gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, net.trainable_variables), 0.5)
            built['optimizer'].apply_gradients(zip(gradients, net.trainable_variables))
    return {'loss': loss, 'kl': float(tf.reduce_mean(ratio - 1. - tf.math.log(ratio)))}


NOTES = dict(family='rl', why_hard='old values are NumPy by design', legit_nongradient=[])
