"""Normaliser with detached statistics and an affine part, in two streams."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m5h_instance_norm_detached_statistics')
keras.utils.set_random_seed(3)
def F(*s): return np.random.default_rng(sum(s)).normal(size=s).astype("float32")
def I(hi, *s): return np.random.default_rng(sum(s) + hi).integers(0, hi, s).astype("int32")

@reg
class DetachedNorm(L.Layer):
    def build(self, s): self.g = self.add_weight(name='g', shape=(s[-1],), initializer='ones'); self.b = self.add_weight(name='b', shape=(s[-1],), initializer='zeros')
    def call(self, x):
        m, v = tf.nn.moments(x, [1], keepdims=True)
        return self.g * (x - tf.stop_gradient(m)) / tf.sqrt(tf.stop_gradient(v) + 1e-3) + self.b
def build():
    a, b = keras.Input((20, 2), name='eeg'), keras.Input((20, 1), name='emg')
    h = [DetachedNorm(name=f'dn_{i}')(L.Conv1D(5, 3, activation='elu')(x)) for i, x in enumerate((a, b))]
    h = L.GlobalMaxPooling1D()(L.Concatenate()(h))
    m = keras.Model([a, b], L.Dense(3, activation='softmax')(h)); m.compile('adam', loss='sparse_categorical_crossentropy'); return m
def sample(): return {'eeg': F(6, 20, 2), 'emg': F(6, 20, 1), 'y': I(3, 6)}
NOTES = dict(family='bio signals', why_hard='two stop_gradients, both legitimate', legit_nongradient=[])
