"""Multi-label tagger trained on a soft F1 over the batch with hard F1 as metric."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m5h_soft_f1_multilabel_tagger')
keras.utils.set_random_seed(3)
def F(*s): return np.random.default_rng(sum(s)).normal(size=s).astype("float32")
def I(hi, *s): return np.random.default_rng(sum(s) + hi).integers(0, hi, s).astype("int32")

@reg
def soft_f1(y, p):
    tp = tf.reduce_sum(y * p, 0); fp = tf.reduce_sum((1 - y) * p, 0); fn = tf.reduce_sum(y * (1 - p), 0)
    return 1. - tf.reduce_mean(2 * tp / (2 * tp + fp + fn + 1e-6))
def build():
    ids, k = keras.Input((9,), dtype='int32', name='ids'), keras.Input((4,), name='kind')
    e = L.Embedding(40, 8, mask_zero=True)(ids); h = L.Bidirectional(L.LSTM(5))(e)
    g = L.Dense(10, activation='sigmoid', name='gate')(k); h = L.Multiply()([h, g])
    m = keras.Model({'ids': ids, 'kind': k}, L.Dense(6, activation='sigmoid', name='tags')(h)); m.compile('adam', loss=soft_f1, metrics=[keras.metrics.F1Score(average='macro', threshold=.5)]); return m
def sample():
    i = I(40, 8, 9); i[:, 6:] = 0; return {'ids': i, 'kind': F(8, 4), 'y': (np.random.default_rng(1).random((8, 6)) > .6).astype('float32')}
NOTES = dict(family='text', why_hard='counts of a metric used as a loss, but soft; masked LSTM; side input that only gates', legit_nongradient=[])
