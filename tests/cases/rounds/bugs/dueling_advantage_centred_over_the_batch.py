"""Dueling Q-network: the mean advantage is taken over the whole batch instead of the actions of each state."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'dueling_advantage_centred_over_the_batch'


@keras.saving.register_keras_serializable(package=PKG)
class DuelingHead(keras.layers.Layer):
    def __init__(self, actions, **kw):
        super().__init__(**kw)
        self.actions = actions
        self.value = keras.layers.Dense(1, name='value')
        self.advantage = keras.layers.Dense(actions, name='advantage')

    def build(self, shape):
        self.value.build(shape)
        self.advantage.build(shape)

    def call(self, h):
        advantage = self.advantage(h)
        return self.value(h) + advantage - tf.reduce_mean(advantage, keepdims=True)

    def get_config(self):
        return {**super().get_config(), 'actions': self.actions}


@keras.saving.register_keras_serializable(package=PKG)
class DuelingHeadByState(DuelingHead):
    def call(self, h):
        advantage = self.advantage(h)
        return self.value(h) + advantage - tf.reduce_mean(advantage, axis=-1, keepdims=True)


def q_network(head):
    keras.utils.set_random_seed(14)
    screen = keras.Input((20, 20, 2), name='screen')
    speed = keras.Input((3,), name='speed')
    x = keras.layers.Conv2D(8, 4, strides=2, activation='relu', name='conv_a')(screen)
    x = keras.layers.Flatten(name='flat')(keras.layers.Conv2D(8, 3, strides=2, activation='relu', name='conv_b')(x))
    x = keras.layers.Dense(24, activation='relu', name='hidden')(keras.layers.Concatenate(name='state')([x, speed]))
    m = keras.Model({'screen': screen, 'speed': speed}, head(x))
    m.compile(keras.optimizers.RMSprop(1e-3), keras.losses.Huber())
    return m


def build():
    return q_network(DuelingHead(4, name='q'))


def fixed():
    return q_network(DuelingHeadByState(4, name='q'))


def sample():
    r = np.random.default_rng(16)
    return {'screen': r.random((8, 20, 20, 2)).astype('float32'), 'speed': r.normal(size=(8, 3)).astype('float32'), 'y': r.normal(size=(8, 4)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/keras-rl/keras-rl/issues/220',
    'title': 'Dueling network uses a global mean over the whole training batch',
    'source_kind': 'report',
    'category': 'batch_mixing',
    'culprit': {'input': 'screen', 'variable': None, 'layer': 'q', 'op': 'Mean', 'line': 'return self.value(h) + advantage - tf.reduce_mean(advantage, keepdims=True)'},
    'why': 'The Q values of a state depend on the other states in the batch.',
    'fix': 'axis=-1.',
}
EXPECT['also'] = [{'input': 'speed'}, {'input': None}, {'op': None}, {'op': 'Sub'}, {'line': "m = keras.Model({'screen': screen, 'speed': speed}, head(x))", 'op': None},
                  {'line': "return q_network(DuelingHead(4, name='q'))", 'op': None}]
