"""Masked bidirectional LSTM and masked attention over padded text, with a character CNN beside."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h_text')


@reg
class MaskedAttention(L.Layer):
    def __init__(self, **kw):
        super().__init__(**kw)
        self.supports_masking = True
        self.score = L.Dense(1, use_bias=False, name='score')

    def get_config(self):
        return super().get_config()

    def build(self, s):
        self.score.build(s)
        self.built = True

    def call(self, x, mask=None):
        e = self.score(ops.tanh(x))[..., 0]
        if mask is not None:
            e = ops.where(mask, e, -1e9)
        return ops.einsum('bt,btf->bf', ops.softmax(e, axis=-1), x)

    def compute_mask(self, x, mask=None):
        return None

    def compute_output_shape(self, s):
        return (s[0], s[2])


def build():
    keras.utils.set_random_seed(14)
    words, chars = keras.Input((9,), dtype='int32', name='words'), keras.Input((15,), dtype='int32', name='chars')
    h = L.Embedding(30, 8, mask_zero=True, name='word_table')(words)
    h = L.Bidirectional(L.LSTM(5, return_sequences=True), name='rnn')(h)
    h = MaskedAttention(name='attend')(h)
    c = L.GlobalMaxPooling1D()(L.Conv1D(6, 3, activation='relu', name='char_cnn')(L.Embedding(20, 5, name='char_table')(chars)))
    y = L.Dense(3, activation='softmax', name='topic')(L.Concatenate()([h, c]))
    m = keras.Model([words, chars], y)
    m.compile('adam', 'sparse_categorical_crossentropy')
    return m


def sample():
    r = np.random.default_rng(13)
    w = r.integers(1, 30, (6, 9)).astype('int32')
    for i, n in enumerate((9, 4, 1, 6, 9, 3)):
        w[i, n:] = 0
    return {'words': w, 'chars': r.integers(0, 20, (6, 15)).astype('int32'), 'y': r.integers(0, 3, 6)}


NOTES = dict(family='text', why_hard='masks; one text has a single word, so its attention weight is 1', legit_nongradient=[])
