"""The noise scale of a Gaussian head is a bare tf.Variable, which Keras 3 does not track."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops


@keras.saving.register_keras_serializable(package='tide')
class GaussianHead(layers.Layer):
    def __init__(self, targets=1, **kw):
        super().__init__(**kw)
        self.targets = targets
        self.mean = layers.Dense(targets, name='mean')

    def build(self, shape):
        self.mean.build(shape)
        self.log_sigma = tf.Variable(tf.zeros([self.targets]), trainable=True, name='log_sigma')
        super().build(shape)

    def call(self, h):
        mu = self.mean(h)
        return ops.concatenate([mu, ops.zeros_like(mu) + self.log_sigma], axis=-1)

    def compute_output_shape(self, s):
        return tuple(s[:-1]) + (2 * self.targets,)

    def get_config(self):
        return {**super().get_config(), 'targets': self.targets}


@keras.saving.register_keras_serializable(package='tide')
class TrackedGaussianHead(GaussianHead):
    def build(self, shape):
        self.mean.build(shape)
        self.log_sigma = self.add_weight(shape=(self.targets,), initializer='zeros', name='log_sigma')
        self.built = True


@keras.saving.register_keras_serializable(package='tide')
def gaussian_nll(y_true, y_pred):
    mu, log_sigma = y_pred[:, :1], y_pred[:, 1:]
    return ops.mean(log_sigma + 0.5 * ops.square((y_true - mu) * ops.exp(-log_sigma)), axis=-1)


def make(head):
    keras.utils.set_random_seed(17)
    levels = keras.Input((24, 2), name='levels')
    x = layers.Conv1D(8, 4, strides=2, activation='relu', name='conv_a')(levels)
    x = layers.GRU(10, name='gru')(x)
    model = keras.Model(levels, head(x))
    model.compile(keras.optimizers.Adam(3e-3), gaussian_nll)
    return model


def build():
    return make(GaussianHead(name='gaussian'))


def fixed():
    return make(TrackedGaussianHead(name='gaussian'))


def sample():
    r = np.random.default_rng(5)
    return {'levels': r.normal(size=(12, 24, 2)).astype('float32'), 'y': (5 * r.normal(size=(12, 1))).astype('float32')}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/16797',
    'title': 'Unpredictable behaviour of tracked variables in subclassing layers and models',
    'source_kind': 'variant',
    'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'log_sigma', 'layer': 'gaussian', 'op': None,
                'line': "self.log_sigma = tf.Variable(tf.zeros([self.targets]), trainable=True, name='log_sigma')"},
    'why': 'Keras 3 only tracks its own variables; log_sigma is missing in trainable_variables, so it is neither trained nor saved.',
    'fix': 'self.add_weight(...)',
    'also': [{'input': None, 'variable': None, 'layer': 'gaussian', 'op': None, 'line': None},
             {'input': None, 'variable': 'log_sigma', 'layer': None, 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'return ops.concatenate([mu, ops.zeros_like(mu) + self.log_sigma], axis=-1)'}],
}
