"""Ranking model with a listwise loss over padded lists and a differentiable rank."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_soft_rank_of_documents')


def N(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def U(lo, hi, *s, seed=0): return np.random.default_rng(seed).uniform(lo, hi, s).astype('float32')
def I(hi, *s, seed=0, lo=0): return np.random.default_rng(seed).integers(lo, hi, s).astype('int32')


@reg
class SoftRank(L.Layer):
    def call(self, s, mask):
        diff = (s[:, None, :] - s[:, :, None]) / 0.5
        wins = tf.sigmoid(diff) * mask[:, None, :] * mask[:, :, None]
        return 0.5 * mask + tf.reduce_sum(wins, -1)


@reg
def spearman(y_true, y_pred):
    seen = tf.cast(y_true > 0, 'float32')
    return tf.reduce_sum(seen * tf.square(y_true - y_pred), -1) / tf.reduce_sum(seen, -1)


def build():
    keras.utils.set_random_seed(6)
    d, q = keras.Input((6, 5), name='documents'), keras.Input((4,), name='question')
    mask = keras.Input((6,), name='mask')
    h = L.Concatenate()([L.Dense(8, activation='relu', name='doc')(d), L.RepeatVector(6)(L.Dense(8, activation='relu', name='ask')(q))])
    s = L.Reshape((6,))(L.Dense(1, use_bias=False, name='score')(L.Dense(8, activation='tanh', name='joint')(h)))
    m = keras.Model({'documents': d, 'question': q, 'mask': mask}, SoftRank(name='rank')(s, mask))
    m.compile('adam', spearman)
    return m


def sample():
    n = np.array([6, 4, 5, 3, 6])
    mask = (np.arange(6) < n[:, None]).astype('float32')
    y = np.stack([np.concatenate([np.random.default_rng(i).permutation(k) + 1, np.zeros(6 - k)]) for i, k in enumerate(n)]).astype('float32')
    return {'documents': N(5, 6, 5) * mask[..., None], 'question': N(5, 4, seed=1), 'mask': mask, 'y': y}


NOTES = dict(family='ranking', why_hard='padded documents; comparisons only of labels; the mask is a constant input; a bias would cancel, so there is none', legit_nongradient=['mask'])
