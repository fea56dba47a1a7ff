"""Bag of words over ragged rows, empty ones included, with a safe mean."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m5h_ragged_bag_with_empty_rows')
keras.utils.set_random_seed(3)
def F(*s): return np.random.default_rng(sum(s)).normal(size=s).astype("float32")
def I(hi, *s): return np.random.default_rng(sum(s) + hi).integers(0, hi, s).astype("int32")

@reg
class SafeMean(L.Layer):
    def call(self, v, n):
        r = tf.RaggedTensor.from_tensor(v, lengths=n); return tf.math.divide_no_nan(tf.reduce_sum(r, 1), tf.cast(n, v.dtype)[:, None])
def build():
    w, n, src = keras.Input((8,), dtype='int32', name='words'), keras.Input((), dtype='int32', name='n'), keras.Input((3,), name='source')
    h = SafeMean(name='bag')(L.Embedding(30, 6, name='emb')(w), n)
    h = L.Dense(8, activation='tanh')(L.Concatenate()([h, src]))
    m = keras.Model({'words': w, 'n': n, 'source': src}, {'spam': L.Dense(1, activation='sigmoid', name='spam')(h), 'topic': L.Dense(4, activation='softmax', name='topic')(h)})
    m.compile('adam', loss={'spam': 'binary_crossentropy', 'topic': 'sparse_categorical_crossentropy'}); return m
def sample(): return {'words': I(30, 6, 8), 'n': np.array([3, 0, 8, 1, 0, 5], 'int32'), 'source': F(6, 3), 'y:spam': I(2, 6, 1).astype('float32'), 'y:topic': I(4, 6)}
NOTES = dict(family='text', why_hard='0/0 avoided by divide_no_nan; the lengths have no gradient; most rows of the table are untouched', legit_nongradient=[])
