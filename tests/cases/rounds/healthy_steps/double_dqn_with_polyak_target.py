"""Double DQN: prioritized weights, Huber loss, target network moved by Polyak averaging."""
import numpy as np
import tensorflow as tf
import keras


def net(name):
    return keras.Sequential([keras.Input((6,)), keras.layers.Dense(20, activation='relu', name=f'{name}_a'), keras.layers.Dense(3, name=f'{name}_q')], name=name)


def build():
    keras.utils.set_random_seed(6)
    online, target = net('online'), net('target')
    target.set_weights(online.get_weights())
    target.trainable = False
    return {'online': online, 'target': target, 'opt': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(6)
    return {'s': r.normal(size=(24, 6)).astype('float32'), 'a': r.integers(0, 3, 24).astype('int32'), 'r': r.normal(size=24).astype('float32'), 's2': r.normal(size=(24, 6)).astype('float32'),
            'done': (r.random(24) < 0.2).astype('float32'), 'weight': r.uniform(0.5, 1, 24).astype('float32')}


def models(built):
    return [built['online'], built['target']]


def step(built, sample):
    online, target = built['online'], built['target']
    best = tf.argmax(online(sample['s2']), axis=1)
    goal = sample['r'] + 0.99 * (1 - sample['done']) * tf.gather(target(sample['s2']), best, batch_dims=1)
    with tf.GradientTape() as tape:
        q = tf.reduce_sum(online(sample['s'], training=True) * tf.one_hot(sample['a'], 3), axis=1)
        error = goal - q
        loss = tf.reduce_mean(sample['weight'] * tf.where(tf.abs(error) < 1.0, 0.5 * tf.square(error), tf.abs(error) - 0.5))
    grads = tape.gradient(loss, online.trainable_variables)
    built['opt'].apply_gradients(zip(grads, online.trainable_variables))
    for t, o in zip(target.weights, online.weights):
        t.assign(0.995 * t + 0.005 * o)
    return {'loss': loss, 'priority': np.abs(error.numpy())}
