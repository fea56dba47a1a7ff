"""Prioritised replay: importance weights of shape (batch, 1) multiply losses of shape (batch,)."""
import numpy as np
import tensorflow as tf
import keras


def q_network(name):
    s = keras.Input((6,), name='state')
    h = keras.layers.Dense(24, activation='relu', name=f'{name}_body')(s)
    value = keras.layers.Dense(1, name=f'{name}_value')(h)
    advantage = keras.layers.Dense(3, name=f'{name}_advantage')(h)
    return keras.Model(s, value + advantage - keras.ops.mean(advantage, -1, keepdims=True), name=name)


def build():
    keras.utils.set_random_seed(7)
    online, target = q_network('online'), q_network('target')
    target.set_weights(online.get_weights())
    target.trainable = False
    return {'online': online, 'target': target, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(7)
    return {'state': r.normal(size=(8, 6)).astype('float32'), 'next_state': r.normal(size=(8, 6)).astype('float32'),
            'action': r.integers(0, 3, 8).astype('int32'), 'reward': r.normal(size=8).astype('float32'),
            'done': (r.uniform(size=8) < 0.2).astype('float32'), 'weights': r.uniform(0.1, 1., (8, 1)).astype('float32')}


def models(built):
    return [built['online']]


class RainbowLearner:
    gamma = 0.99

    def __init__(self, online, target, optimizer):
        self.online, self.target, self.optimizer = online, target, optimizer

    def elementwise_loss(self, batch):
        best = tf.argmax(self.online(batch['next_state']), -1, output_type=tf.int32)
        bootstrap = tf.gather(self.target(batch['next_state']), best, batch_dims=1)
        goal = tf.stop_gradient(batch['reward'] + self.gamma * (1. - batch['done']) * bootstrap)
        td = tf.gather(self.online(batch['state'], training=True), batch['action'], batch_dims=1) - goal
        return tf.where(tf.abs(td) < 1., 0.5 * tf.square(td), tf.abs(td) - 0.5)

    def update(self, batch):
        with tf.GradientTape() as tape:
            elementwise = self.elementwise_loss(batch)
            loss = tf.reduce_mean(elementwise * batch['weights'])
        gradients = tape.gradient(loss, self.online.trainable_variables)
        gradients, norm = tf.clip_by_global_norm(gradients, 10.)
        self.optimizer.apply_gradients(zip(gradients, self.online.trainable_variables))
        return loss, elementwise.numpy() + 1e-6


class MendedLearner(RainbowLearner):
    def update(self, batch):
        with tf.GradientTape() as tape:
            elementwise = self.elementwise_loss(batch)
            loss = tf.reduce_mean(elementwise * tf.squeeze(batch['weights'], -1))
        gradients = tape.gradient(loss, self.online.trainable_variables)
        gradients, norm = tf.clip_by_global_norm(gradients, 10.)
        self.optimizer.apply_gradients(zip(gradients, self.online.trainable_variables))
        return loss, elementwise.numpy() + 1e-6


def step(built, sample):
    return RainbowLearner(**built).update(sample)[0]


def fixed_step(built, sample):
    return MendedLearner(**built).update(sample)[0]


EXPECT = {
    'source': 'https://github.com/Curt-Park/rainbow-is-all-you-need/issues/79',
    'title': 'elementwise_loss (128,) times weights (128, 1) is (128, 128)',
    'source_kind': 'report', 'category': 'label_shape_broadcast',
    'culprit': {'input': 'weights', 'variable': None, 'layer': None, 'op': 'Mul', 'line': "loss = tf.reduce_mean(elementwise * batch['weights'])"},
    'why': 'Every loss is multiplied with every weight: the mean no longer knows which weight belongs to which transition.',
    'fix': 'Squeeze the weights.',
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': None, 'line': "elementwise * batch['weights']"},
             {'input': 'weights', 'variable': None, 'layer': None, 'op': None, 'line': None}],
}
