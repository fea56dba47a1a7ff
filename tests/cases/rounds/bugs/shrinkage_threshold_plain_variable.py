"""Soft-threshold layer keeps its learnable threshold in a tf.Variable that Keras 3 does not track."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='shrinkage_threshold_plain_variable')


@reg
class Shrink(L.Layer):
    def __init__(self, channels=6, **kw):
        super().__init__(**kw)
        self.channels = channels
        self.make()

    def make(self):
        self.tau = tf.Variable(0.1 * tf.ones((self.channels,)), trainable=True, name='tau')

    def get_config(self):
        return {**super().get_config(), 'channels': self.channels}

    def call(self, x):
        return tf.sign(x) * tf.nn.relu(tf.abs(x) - self.tau)


@reg
class TrackedShrink(Shrink):
    def make(self):
        self.tau = self.add_weight(shape=(self.channels,), initializer=keras.initializers.Constant(0.1), name='tau')


def net(shrink):
    keras.utils.set_random_seed(18)
    x, noise = keras.Input((32, 1), name='ecg'), keras.Input((1,), name='noise')
    h = L.Conv1D(6, 5, padding='same', name='analysis')(x)
    scale = L.Reshape((1, 6))(L.Dense(6, activation='softplus', name='level')(noise))
    h = shrink(6, name='shrink')(L.Multiply()([h, scale]))
    m = keras.Model({'ecg': x, 'noise': noise}, L.Conv1D(1, 5, padding='same', name='synthesis')(h))
    m.compile(optimizer='adam', loss='mse')
    return m


def build():
    return net(Shrink)


def fixed():
    return net(TrackedShrink)


def sample():
    r = np.random.default_rng(0)
    clean = np.sin(np.linspace(0, 12, 32))[None, :, None] * r.uniform(0.5, 2, (8, 1, 1))
    return {'ecg': (clean + 0.3 * r.normal(size=(8, 32, 1))).astype('float32'), 'noise': r.uniform(size=(8, 1)).astype('float32'),
            'y': clean.astype('float32')}


EXPECT = {
    'source': 'https://github.com/keiserlab/keras-neural-graph-fingerprint/issues/2',
    'title': 'Add trainable weights',
    'source_kind': 'variant',
    'category': 'other',
    'culprit': {'input': None, 'variable': 'tau', 'layer': 'shrink', 'op': None, 'line': 'self.tau = tf.Variable(0.1 * tf.ones((self.channels,)), trainable=True'},
    'why': 'A tf.Variable is no weight of a Keras 3 layer: it is missing in trainable_variables, is never updated and is not saved.',
    'fix': 'self.add_weight(...).',
    'also': [{'input': None, 'variable': None, 'layer': 'shrink', 'op': None, 'line': 'return tf.sign(x) * tf.nn.relu(tf.abs(x) - self.tau)'},
             {'input': None, 'variable': None, 'layer': 'shrink', 'op': None, 'line': None},
             {'input': None, 'variable': 'tau', 'layer': None, 'op': None, 'line': None}],
}
