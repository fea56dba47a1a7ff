"""A correct model: masked language model."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='healthy_masked_token_loss')


def R():
    return np.random.default_rng(0)


@reg
def masked_ce(y_true, y_pred):
    y = tf.cast(y_true, tf.int32)
    keep = tf.cast(y >= 0, y_pred.dtype)
    ce = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.maximum(y, 0), logits=y_pred)
    return tf.reduce_sum(ce * keep, -1) / tf.maximum(tf.reduce_sum(keep, -1), 1.0)


@reg
class PadMask(L.Layer):
    def call(self, ids):
        return tf.not_equal(ids, 0)[:, None, :]


@reg
class Positions(L.Layer):
    def build(self, shape):
        self.table = self.add_weight(shape=(shape[1], shape[2]), initializer='random_normal', name='table')

    def call(self, x):
        return x + self.table


def build():
    keras.utils.set_random_seed(4)
    t = keras.Input((10,), dtype='int32', name='tokens')
    h = Positions(name='pos')(L.Embedding(20, 8, name='tok')(t))
    pad = PadMask(name='padmask')(t)
    a = L.MultiHeadAttention(2, 4, name='mha')(h, h, attention_mask=pad)
    h = L.LayerNormalization()(h + a)
    h = L.LayerNormalization()(h + L.Dense(8)(L.Dense(16, activation='gelu')(h)))
    m = keras.Model({'tokens': t}, L.Dense(20, name='vocab')(h))
    m.compile(optimizer='adam', loss=masked_ce)
    return m


def sample():
    r = R()
    t = r.integers(1, 20, (8, 10)).astype('int32')
    t[:4, 8:] = 0
    y = np.where((r.uniform(size=t.shape) < 0.3) & (t > 0), t, -1).astype('int32')
    return {'tokens': t, 'y': y}


NOTES = dict(family='masked language model', why_hard='own loss ignores label -1 by a where; padding masked by the embedding', legit_nongradient=[])
