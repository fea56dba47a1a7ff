"""The causal mask keeps the upper triangle: each click attends to the clicks after it."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

keras.utils.set_random_seed(6)
reg = keras.saving.register_keras_serializable(package='m5_causal')


@reg
class LookAheadMask(L.Layer):
    def call(self, x):
        t = tf.shape(x)[1]
        return tf.linalg.band_part(tf.ones((1, t, t)), 0, -1)


@reg
class LookBackMask(L.Layer):
    def call(self, x):
        t = tf.shape(x)[1]
        return tf.linalg.band_part(tf.ones((1, t, t)), -1, 0)


@reg
class Positions(L.Layer):
    def build(self, s):
        self.table = self.add_weight(name='table', shape=(s[1], s[2]), initializer='random_normal')

    def call(self, x):
        return x + self.table


def net(mask):
    page, dwell = keras.Input((9,), dtype='int32', name='page'), keras.Input((9, 1), name='dwell')
    h = L.Embedding(20, 8, name='page_emb')(page) + L.Dense(8, name='dwell_fc')(dwell)
    h = Positions(name='pos')(h)
    a = L.MultiHeadAttention(2, 4, name='att')(h, h, attention_mask=mask(name='mask')(h))
    h = L.LayerNormalization(name='ln')(h + a)
    m = keras.Model({'page': page, 'dwell': dwell}, L.Dense(20, name='next_page')(h))
    m.compile('adam', loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return m


def build():
    return net(LookAheadMask)


def fixed():
    return net(LookBackMask)


def sample():
    r = np.random.default_rng(0)
    p = r.integers(0, 20, (6, 10)).astype('int32')
    return {'page': p[:, :-1], 'dwell': r.random((6, 9, 1), 'float32'), 'y': p[:, 1:]}


EXPECT = {
    'source': 'https://github.com/lsdefine/attention-is-all-you-need-keras/issues/6',
    'title': 'mask for decoder (a matrix of which the right upper triangle is one)',
    'source_kind': 'variant', 'category': 'other',
    'culprit': {'input': 'page', 'variable': None, 'layer': 'mask', 'op': 'MatrixBandPart', 'line': 'return tf.linalg.band_part(tf.ones((1, t, t)), 0, -1)'},
    'why': 'band_part(.., 0, -1) is upper triangular: position t sees t and later, so the next page, its own label, is in view.',
    'fix': 'band_part(.., -1, 0), or use_causal_mask=True.',
    'also': [{'op': None, 'layer': 'att', 'line': "L.MultiHeadAttention(2, 4, name='att')"}, {'op': None, 'layer': None, 'line': 'class LookAheadMask'},
             {'op': 'BatchMatMulV2', 'layer': 'att', 'line': None}, {'op': 'Einsum', 'layer': 'att', 'line': None}, {'op': None, 'layer': None, 'line': 'return net(LookAheadMask)'}],
}
