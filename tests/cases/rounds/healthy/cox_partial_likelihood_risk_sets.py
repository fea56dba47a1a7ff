"""Survival analysis: Cox partial likelihood whose risk sets are the batch."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'cox_partial_likelihood_risk_sets'


@keras.saving.register_keras_serializable(package=PKG)
def cox(y_true, y_pred):
    time, event, risk = y_true[:, 0], y_true[:, 1], y_pred[:, 0]
    at_risk = tf.cast(time[None, :] >= time[:, None], risk.dtype)
    top = tf.stop_gradient(tf.reduce_max(risk))
    log_sum = tf.math.log(tf.reduce_sum(at_risk * tf.exp(risk[None, :] - top), axis=1)) + top
    return tf.reduce_sum(event * (log_sum - risk)) / tf.maximum(tf.reduce_sum(event), 1.0)


def build():
    keras.utils.set_random_seed(4)
    image = keras.Input((20, 20, 1), name='scan')
    clinical = keras.Input((6,), name='clinical')
    x = keras.layers.Conv2D(6, 3, strides=2, activation='relu', name='conv_a')(image)
    x = keras.layers.GlobalAveragePooling2D(name='pool')(keras.layers.Conv2D(8, 3, strides=2, activation='relu', name='conv_b')(x))
    x = keras.layers.Concatenate(name='patient')([x, keras.layers.Dense(5, activation='tanh', name='clinical_hidden')(clinical)])
    m = keras.Model({'scan': image, 'clinical': clinical}, keras.layers.Dense(1, use_bias=False, name='log_hazard')(x))
    m.compile('adam', cox)
    return m


def sample():
    r = np.random.default_rng(4)
    return {'scan': r.normal(size=(16, 20, 20, 1)).astype('float32'), 'clinical': r.normal(size=(16, 6)).astype('float32'),
            'y': np.stack([r.exponential(10, 16), r.random(16) < 0.6], axis=1).astype('float32')}


NOTES = dict(family='survival', why_hard='labels of width 2 for a prediction of width 1; the loss compares rows on purpose and has a (batch, batch) matrix; a stop_gradient of the maximum for stability', legit_nongradient=[])
