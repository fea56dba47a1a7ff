"""Domain-adversarial model with a gradient reversal layer made by custom_gradient."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h_dann')


@reg
class GradientReversal(L.Layer):
    def __init__(self, lam=0.5, **kw):
        super().__init__(**kw)
        self.lam = lam

    def call(self, x):
        @tf.custom_gradient
        def reverse(v):
            return tf.identity(v), lambda dy: -self.lam * dy
        return reverse(x)

    def compute_output_shape(self, s):
        return s

    def get_config(self):
        return {**super().get_config(), 'lam': self.lam}


def build():
    keras.utils.set_random_seed(11)
    ecg = keras.Input((40, 2), name='ecg')
    h = L.Conv1D(8, 7, strides=2, activation='relu', name='c1')(ecg)
    h = L.Conv1D(8, 5, strides=2, activation='relu', name='c2')(h)
    f = L.Dense(10, activation='tanh', name='feature')(L.GlobalAveragePooling1D()(h))
    beat = L.Dense(4, activation='softmax', name='beat')(f)
    hospital = L.Dense(1, activation='sigmoid', name='hospital')(L.Dense(6, activation='relu', name='critic')(GradientReversal(name='reverse')(f)))
    m = keras.Model(ecg, [beat, hospital])
    m.compile('adam', ['sparse_categorical_crossentropy', 'binary_crossentropy'])
    return m


def sample():
    r = np.random.default_rng(10)
    return {'ecg': r.normal(size=(10, 40, 2)).astype('float32'), 'y:beat': r.integers(0, 4, 10), 'y:hospital': r.integers(0, 2, (10, 1)).astype('float32')}


NOTES = dict(family='domain adaptation', why_hard='custom gradient of opposite sign', legit_nongradient=[])
