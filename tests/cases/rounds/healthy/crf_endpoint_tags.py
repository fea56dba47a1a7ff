"""A correct model: sequence tagging."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='healthy_crf_endpoint_tags')


def R():
    return np.random.default_rng(0)


@reg
class CRF(L.Layer):
    def build(self, emit_shape, tags_shape):
        k = emit_shape[-1]
        self.trans = self.add_weight(shape=(k, k), initializer='random_normal', name='trans')
        self.start = self.add_weight(shape=(k,), initializer='zeros', name='start')

    def call(self, emit, tags):
        hot = tf.one_hot(tags, emit.shape[-1])
        gold = tf.reduce_sum(emit * hot, (1, 2)) + tf.reduce_sum(hot[:, 0] * self.start, -1)
        gold += tf.reduce_sum(tf.einsum('btk,kj,btj->bt', hot[:, :-1], self.trans, hot[:, 1:]), 1)
        alpha = emit[:, 0] + self.start
        for t in range(1, emit.shape[1]):
            alpha = tf.reduce_logsumexp(alpha[:, :, None] + self.trans, 1) + emit[:, t]
        self.add_loss(tf.reduce_mean(tf.reduce_logsumexp(alpha, -1) - gold))
        return emit


def build():
    keras.utils.set_random_seed(19)
    w, tags = keras.Input((7,), dtype='int32', name='words'), keras.Input((7,), dtype='int32', name='tags')
    h = L.Bidirectional(L.LSTM(5, return_sequences=True))(L.Embedding(25, 6)(w))
    m = keras.Model({'words': w, 'tags': tags}, CRF(name='crf')(L.Dense(4, name='emit')(h), tags))
    m.compile(optimizer='adam')
    return m


def sample():
    r = R()
    return {'words': r.integers(0, 25, (8, 7)).astype('int32'), 'tags': r.integers(0, 4, (8, 7)).astype('int32')}


NOTES = dict(family='sequence tagging', why_hard='linear-chain CRF as an endpoint layer: gathers of integer tags, logsumexp loop, add_loss only', legit_nongradient=[])
