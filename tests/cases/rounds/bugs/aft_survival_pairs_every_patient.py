"""Survival analysis (accelerated failure time): times of shape (batch,) minus predictions of shape (batch, 1) in the loss."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'aft_survival_pairs_every_patient'


@keras.saving.register_keras_serializable(package=PKG)
def aft_loss(y_true, y_pred):
    log_time, observed = tf.math.log(y_true[:, 0]), y_true[:, 1]
    late = log_time - y_pred
    death = tf.square(late)
    censored = tf.square(tf.nn.relu(late))
    return tf.reduce_mean(observed * death + (1.0 - observed) * censored)


@keras.saving.register_keras_serializable(package=PKG)
def aft_loss_by_patient(y_true, y_pred):
    log_time, observed = tf.math.log(y_true[:, :1]), y_true[:, 1:]
    gap = log_time - y_pred
    return tf.reduce_mean(observed * tf.square(gap) + (1.0 - observed) * tf.square(tf.nn.relu(gap)))


def net(loss):
    keras.utils.set_random_seed(3)
    labs = keras.Input((12,), name='lab_values')
    stage = keras.Input((), dtype='int32', name='tumor_stage')
    e = keras.layers.Embedding(5, 3, name='stage_embedding')(stage)
    h = keras.layers.Concatenate(name='patient')([keras.layers.LayerNormalization(name='scale_labs')(labs), e])
    h = keras.layers.Dense(16, activation='gelu', name='hidden')(h)
    m = keras.Model({'lab_values': labs, 'tumor_stage': stage}, keras.layers.Dense(1, name='log_survival')(h))
    m.compile(keras.optimizers.Adam(1e-2), loss)
    return m


def build():
    return net(aft_loss)


def fixed():
    return net(aft_loss_by_patient)


def sample():
    r = np.random.default_rng(5)
    labs = r.normal(size=(32, 12)).astype('float32')
    time = np.exp(1.5 * labs[:, 0] + 0.2 * r.normal(size=32)).astype('float32')
    return {'lab_values': labs, 'tumor_stage': r.integers(0, 5, 32).astype('int32'),
            'y': np.stack([time, (r.random(32) < 0.7).astype('float32')], axis=1)}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/28901',
    'title': 'Model not converging: y is (16,), y_pred is (16, 1), the difference is broadcast',
    'source_kind': 'variant',
    'category': 'label_shape_broadcast',
    'culprit': {'input': 'y', 'variable': None, 'layer': 'log_survival', 'op': 'Sub', 'line': 'late = log_time - y_pred'},
    'why': 'The difference is (batch, batch): every prediction is compared with the times of all patients, so the net learns the mean.',
    'fix': 'Keep the last axis of the columns: y_true[:, :1] and y_true[:, 1:].',
}
EXPECT['also'] = [
    {'line': 'log_time, observed = tf.math.log(y_true[:, 0]), y_true[:, 1]'},
    {'op': None},
    {'input': None},
    {'line': 'return net(aft_loss)'},
    {'line': 'm.compile(keras.optimizers.Adam(1e-2), loss)'},
]
