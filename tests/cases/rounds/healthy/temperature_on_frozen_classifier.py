"""Only a temperature and biases are trained on top of a frozen classifier (calibration)."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h4_temperature_')


def F(r, *shape):
    return r.normal(size=shape).astype('float32')


def I(r, high, *shape, low=0):
    return r.integers(low, high, size=shape).astype('int32')


def B(r, *shape):
    return r.integers(0, 2, size=shape).astype('float32')


@reg
class Calibrate(L.Layer):
    def build(self, shape):
        self.log_temperature = self.add_weight(name='log_temperature', shape=(), initializer='zeros')
        self.shift = self.add_weight(name='shift', shape=(shape[-1],), initializer='zeros')

    def call(self, logits):
        return ops.softmax(logits * ops.exp(-self.log_temperature) + self.shift)

    def compute_output_shape(self, s):
        return s


def build():
    keras.utils.set_random_seed(9)
    base = keras.Sequential([keras.Input((6,)), L.Dense(12, activation='relu', name='h'), L.BatchNormalization(name='bn'), L.Dense(4, name='logits')], name='classifier')
    base.trainable = False
    x = keras.Input((6,), name='features')
    m = keras.Model(x, Calibrate(name='calibrate')(base(x, training=False)))
    m.compile(keras.optimizers.Adam(0.02), 'sparse_categorical_crossentropy')
    return m


def sample():
    r = np.random.default_rng(9)
    return {'features': F(r, 20, 6), 'y': I(r, 4, 20)}


NOTES = dict(family='calibration', why_hard='nearly everything is frozen on purpose; the trained variables start at zero', legit_nongradient=[])
