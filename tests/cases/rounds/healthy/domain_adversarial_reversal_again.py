"""Healthy model: domain_adversarial_reversal (see NOTES)."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='m6_domain_adversarial_reversal')
def F(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def I(hi, *s, lo=0, seed=0): return np.random.default_rng(seed).integers(lo, hi, size=s).astype('int32')


@tf.custom_gradient
def flip(x): return tf.identity(x), lambda d: -.3 * d
@reg
class Reverse(L.Layer):
    def call(self, x): return flip(x)
def build():
    keras.utils.set_random_seed(9)
    x = keras.Input((20, 3), name='imu'); h = L.Conv1D(8, 5, activation='relu', name='c1')(x); h = L.GlobalMaxPooling1D(name='pool')(L.Conv1D(8, 3, activation='relu', name='c2')(h))
    a = L.Dense(4, activation='softmax', name='activity')(h); d = L.Dense(1, activation='sigmoid', name='person')(L.Dense(8, activation='relu', name='critic')(Reverse(name='reverse')(h)))
    m = keras.Model({'imu': x}, {'activity': a, 'person': d}); m.compile('adam', loss={'activity': 'sparse_categorical_crossentropy', 'person': 'binary_crossentropy'}); return m
def sample(): return {'imu': F(12, 20, 3), 'y:activity': I(4, 12), 'y:person': I(2, 12, 1, seed=1).astype('float32')}
NOTES = dict(family='domain adaptation', why_hard='custom gradient with the sign reversed on purpose', legit_nongradient=[])
