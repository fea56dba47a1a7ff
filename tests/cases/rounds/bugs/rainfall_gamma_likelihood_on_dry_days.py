"""Rainfall model with a gamma likelihood and days without rain."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_rainfall_gamma_likelihood_on_dry_days')


@reg
def gamma_nll(y_true, y_pred):
    a, b = tf.unstack(tf.nn.softplus(y_pred) + 1e-3, axis=-1)
    y = y_true[:, 0]
    return -(a * tf.math.log(b) - tf.math.lgamma(a) + (a - 1.0) * tf.math.log(y) - b * y)


@reg
def wet_gamma_nll(y_true, y_pred):
    a, b = tf.unstack(tf.nn.softplus(y_pred) + 1e-3, axis=-1)
    y = tf.maximum(y_true[:, 0], 0.05)
    return -(a * tf.math.log(b) - tf.math.lgamma(a) + (a - 1.0) * tf.math.log(y) - b * y)


def body(loss):
    radar = keras.Input((8, 8, 2), name='radar')
    gauge = keras.Input((6,), name='gauges')
    h = L.GlobalAveragePooling2D()(L.Conv2D(8, 3, activation='relu', name='radar_conv')(radar))
    h = L.Concatenate()([h, L.Dense(8, activation='relu', name='gauge_tower')(gauge)])
    m = keras.Model({'radar': radar, 'gauges': gauge}, L.Dense(2, name='gamma')(h))
    m.compile('adam', loss)
    return m


def build():
    keras.utils.set_random_seed(6)
    return body(gamma_nll)


def fixed():
    keras.utils.set_random_seed(6)
    return body(wet_gamma_nll)


def sample():
    r = np.random.default_rng(0)
    y = r.gamma(0.8, 5.0, (10, 1)).astype('float32')
    y[[1, 4, 5, 8]] = 0
    return {'radar': r.normal(size=(10, 8, 8, 2)).astype('float32'), 'gauges': r.normal(size=(10, 6)).astype('float32'), 'y': y}


EXPECT = {
    'source': 'https://github.com/arsedler9/lfads-torch/issues/23', 'source_kind': 'variant',
    'title': 'Issue with Gaussian and Gamma reconstruction cost (zeros are not in the support of the gamma)',
    'category': 'nonfinite_gradient',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': 'Log', 'line': 'return -(a * tf.math.log(b) - tf.math.lgamma(a) + (a - 1.0) * tf.math.log(y) - b * y)'},
    'why': 'log(0) of the dry days is -inf, which is the factor of the gradient of the shape parameter.',
    'fix': 'Censor the amounts at the resolution of the gauge (or model dry days apart).',
    'also': [{'line': 'y = y_true[:, 0]'}, {'line': 'return body(gamma_nll)'}, {'line': "m.compile('adam', loss)"}, {'layer': 'gamma'}, {'op': 'Mul'},
             {'input': 'y'}, {'line': 'y[[1, 4, 5, 8]] = 0'}],
}
