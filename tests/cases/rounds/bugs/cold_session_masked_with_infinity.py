"""Scores of padding are set to -inf; a session without any click is all padding and the softmax gives NaN."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m4_cold_session')


@reg
class ClickAttention(L.Layer):
    """Weights earlier clicks by their fit to the candidate."""

    def __init__(self, units=8, hidden=float('-inf'), **kw):
        super().__init__(**kw)
        self.units, self.hidden = units, float(hidden)
        self.query, self.key = L.Dense(units, name='query'), L.Dense(units, name='key')

    def build(self, candidate_shape, clicks_shape, ids_shape):
        self.query.build(candidate_shape)
        self.key.build(clicks_shape)

    def call(self, candidate, clicks, ids):
        score = tf.einsum('bd,btd->bt', self.query(candidate), self.key(clicks)) / self.units ** 0.5
        score = tf.where(ids > 0, score, self.hidden)
        weight = tf.nn.softmax(score, axis=-1)
        return tf.einsum('bt,btd->bd', weight, clicks)

    def compute_output_shape(self, candidate_shape, clicks_shape, ids_shape):
        return candidate_shape

    def get_config(self):
        return {**super().get_config(), 'units': self.units, 'hidden': str(self.hidden)}


def make(hidden):
    keras.utils.set_random_seed(9)
    session = keras.Input((8,), dtype='int32', name='session')
    candidate = keras.Input((), dtype='int32', name='candidate')
    items = L.Embedding(40, 8, name='items')
    c = items(candidate)
    taste = ClickAttention(hidden=hidden, name='clicks')(c, items(session), session)
    h = L.Dense(16, activation='relu', name='hidden')(L.Concatenate()([taste, c, L.Multiply()([taste, c])]))
    model = keras.Model({'session': session, 'candidate': candidate}, L.Dense(1, activation='sigmoid', name='ctr')(h))
    model.compile('adam', 'binary_crossentropy')
    return model


def build():
    return make(float('-inf'))


def fixed():
    return make(-1e9)


def sample():
    r = np.random.default_rng(10)
    session = r.integers(1, 40, (8, 8)).astype('int32')
    for row, length in enumerate((8, 5, 0, 3, 7, 1, 8, 4)):
        session[row, length:] = 0
    return {'session': session, 'candidate': r.integers(1, 40, (8,)).astype('int32'), 'y': r.integers(0, 2, (8, 1)).astype('float32')}


def _at(line=None, layer=None, op=None, variable=None, input=None):
    return {'input': input, 'variable': variable, 'layer': layer, 'op': op, 'line': line}


EXPECT = {
    'source': 'https://github.com/pytorch/pytorch/issues/24816',
    'title': 'Transformer Encoder Layer with src_key_padding makes NaN',
    'source_kind': 'variant',
    'category': 'nonfinite_gradient',
    'culprit': _at('score = tf.where(ids > 0, score, self.hidden)', 'clicks', 'Softmax', 'items'),
    'why': 'Softmax over a row of nothing but -inf is NaN; one cold session makes every gradient and, after one step, every weight NaN (the clip of the cross-entropy may hide it in the loss of fit).',
    'fix': 'Use a large finite negative number for padding (and zero the weights of empty rows).',
    'also': [_at('weight = tf.nn.softmax(score, axis=-1)'), _at(layer='clicks'), _at(op='Softmax'), _at(op='SelectV2'),
             _at("return make(float('-inf'))"), _at(input='session'), _at("taste = ClickAttention(hidden=hidden, name='clicks')(c, items(session), session)")],
}
