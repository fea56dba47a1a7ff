"""Distributional Q-learning: pairwise quantile Huber loss against a target network."""
import numpy as np
import tensorflow as tf
import keras


N, ACTIONS = 7, 3


def make(name):
    pixels, speed = keras.Input((6, 6, 1), name='pixels'), keras.Input((2,), name='speed')
    x = keras.layers.Flatten()(keras.layers.Conv2D(4, 3, activation='relu', name=f'{name}_conv')(pixels))
    x = keras.layers.Dense(ACTIONS * N, name=f'{name}_quantiles')(keras.layers.Concatenate()([x, speed]))
    return keras.Model({'pixels': pixels, 'speed': speed}, keras.layers.Reshape((ACTIONS, N))(x), name=name)


def build():
    keras.utils.set_random_seed(10)
    online, target = make('online'), make('target')
    target.set_weights(online.get_weights())
    target.trainable = False
    return {'online': online, 'target': target, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(10)
    s = {f'{k}{t}': r.normal(size=(8, *shape)).astype('float32') for t in (0, 1) for k, shape in (('pixels', (6, 6, 1)), ('speed', (2,)))}
    return {**s, 'action': r.integers(0, ACTIONS, 8).astype('int32'), 'reward': r.normal(size=8).astype('float32'), 'done': r.integers(0, 2, 8).astype('float32')}


def models(built):
    return [built['online']]


def step(built, sample):
    online, target = built['online'], built['target']
    after = target({'pixels': sample['pixels1'], 'speed': sample['speed1']}, training=False)
    greedy = tf.argmax(tf.reduce_mean(after, -1), -1, tf.int32)
    goal = sample['reward'][:, None] + 0.99 * (1.0 - sample['done'][:, None]) * tf.gather(after, greedy, batch_dims=1)
    tau = (tf.range(N, dtype=tf.float32) + 0.5) / N
    with tf.GradientTape() as tape:
        now = tf.gather(online({'pixels': sample['pixels0'], 'speed': sample['speed0']}, training=True), sample['action'], batch_dims=1)
        error = goal[:, None, :] - now[:, :, None]
        huber = tf.where(tf.abs(error) < 1.0, 0.5 * tf.square(error), tf.abs(error) - 0.5)
        side = tf.abs(tau[None, :, None] - tf.cast(error < 0.0, tf.float32))
        loss = tf.reduce_mean(tf.reduce_sum(tf.reduce_mean(side * huber, 2), 1))
    grads = tape.gradient(loss, online.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, online.trainable_variables))
    for t, o in zip(target.variables, online.variables):
        t.assign(0.995 * t + 0.005 * o)
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(online.trainable_variables, grads)}}
