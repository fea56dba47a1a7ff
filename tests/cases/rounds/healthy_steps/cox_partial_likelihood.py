"""Survival analysis: Cox partial likelihood over risk sets sorted by time, with censoring, two inputs and no output bias."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(9)
    scan, labs = keras.Input((8, 8, 1), name='scan'), keras.Input((5,), name='labs')
    a = keras.layers.GlobalMaxPooling2D()(keras.layers.Conv2D(6, 3, activation='selu', name='scan_conv')(scan))
    b = keras.layers.Dense(6, 'selu', name='labs_dense')(labs)
    risk = keras.layers.Dense(1, use_bias=False, name='log_risk')(keras.layers.Concatenate()([a, b]))
    net = keras.Model({'scan': scan, 'labs': labs}, risk, name='cox')
    net.optimizer = keras.optimizers.Adam(1e-3)
    return net


def sample():
    r = np.random.default_rng(0)
    return {'scan': r.normal(size=(10, 8, 8, 1)).astype('float32'), 'labs': r.normal(size=(10, 5)).astype('float32'),
            'time': r.exponential(size=10).astype('float32'), 'event': np.array([1, 0, 1, 1, 0, 1, 1, 0, 1, 1], 'float32')}


def models(built):
    return [built]


def step(built, sample):
    order = np.argsort(-sample['time'])
    with tf.GradientTape() as tape:
        risk = tf.squeeze(built({'scan': sample['scan'][order], 'labs': sample['labs'][order]}, training=True), 1)
        log_sets = tf.math.cumulative_logsumexp(risk)
        event = sample['event'][order]
        loss = -tf.reduce_sum(event * (risk - log_sets)) / tf.maximum(tf.reduce_sum(event), 1.0)
    weights = built.trainable_variables
    built.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'loss': loss}
