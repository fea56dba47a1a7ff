"""Double DQN: argmax and the target network give the target, the target network follows by a soft update after the step."""
import numpy as np
import tensorflow as tf
import keras

NOTES = dict(family='RL', why_hard='argmax and a second network in the target, a one-hot mask, variables assigned after the tape',
             legit_nongradient=[])


def q_network(name):
    s = keras.Input((6,), name='state')
    h = keras.layers.Dense(16, activation='relu', name=f'{name}_fc')(s)
    value = keras.layers.Dense(1, name=f'{name}_value')(h)
    advantage = keras.layers.Dense(4, name=f'{name}_advantage')(h)
    q = value + advantage - keras.ops.mean(advantage, -1, keepdims=True)
    return keras.Model(s, q, name=name)


def build():
    keras.utils.set_random_seed(8)
    online, target = q_network('online'), q_network('target')
    target.set_weights(online.get_weights())
    target.trainable = False
    return {'online': online, 'target': target, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(8)
    f = lambda *s: r.normal(size=s).astype('float32')
    return {'state': f(32, 6), 'action': r.integers(0, 4, 32).astype('int32'), 'reward': f(32), 'next_state': f(32, 6),
            'done': (r.random(32) < 0.1).astype('float32')}


def models(built):
    return [built['online']]


def step(built, sample, gamma=0.99, tau=0.01):
    online, target = built['online'], built['target']
    with tf.GradientTape() as tape:
        best = tf.argmax(online(sample['next_state'], training=False), -1)
        bootstrap = tf.gather(target(sample['next_state'], training=False), best, batch_dims=1)
        goal = tf.stop_gradient(sample['reward'] + gamma * (1.0 - sample['done']) * bootstrap)
        q = tf.reduce_sum(online(sample['state'], training=True) * tf.one_hot(sample['action'], 4), -1)
        loss = tf.reduce_mean(keras.losses.huber(goal[:, None], q[:, None]))
    grads, _ = tf.clip_by_global_norm(tape.gradient(loss, online.trainable_variables), 10.0)
    built['optimizer'].apply_gradients(zip(grads, online.trainable_variables))
    for slow, fast in zip(target.variables, online.variables):
        slow.assign((1.0 - tau) * slow + tau * fast)
    return loss
