"""Quantile forecaster whose quantiles are sums of softplus steps, with pinball loss."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h4_monotone_qua')


def F(r, *shape):
    return r.normal(size=shape).astype('float32')


def I(r, high, *shape, low=0):
    return r.integers(low, high, size=shape).astype('int32')


def B(r, *shape):
    return r.integers(0, 2, size=shape).astype('float32')


@reg
class Pinball(keras.losses.Loss):
    def call(self, y, q):
        tau = tf.constant([0.1, 0.5, 0.9])
        return ops.mean(ops.maximum(tau * (y - q), (tau - 1.0) * (y - q)), axis=-1)


@reg
class Ordered(L.Layer):
    def call(self, x):
        return ops.cumsum(ops.concatenate([x[:, :1], ops.softplus(x[:, 1:])], axis=-1), axis=-1)

    def compute_output_shape(self, s):
        return s


def build():
    keras.utils.set_random_seed(8)
    load, weekday = keras.Input((24, 1), name='load'), keras.Input((1,), dtype='int32', name='weekday')
    h = L.GlobalAveragePooling1D()(L.Conv1D(8, 4, padding='causal', dilation_rate=2, activation='gelu', name='conv')(load))
    d = L.Flatten()(L.Embedding(7, 3, name='days')(weekday))
    m = keras.Model({'load': load, 'weekday': weekday}, Ordered(name='quantiles')(L.Dense(3, name='steps')(L.Concatenate()([h, d]))))
    m.compile('adam', Pinball(name='pinball'))
    return m


def sample():
    r = np.random.default_rng(8)
    return {'load': F(r, 14, 24, 1), 'weekday': I(r, 7, 14, 1), 'y': F(r, 14, 1)}


NOTES = dict(family='forecasting', why_hard='labels (batch, 1) are broadcast on purpose against three quantiles', legit_nongradient=[])
