"""Next-character model with a bidirectional recurrent layer."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_next_character_model_reads_both_ways')


def body(rnn):
    chars = keras.Input((14,), dtype='int32', name='chars')
    style = keras.Input((3,), name='style')
    h = L.Embedding(24, 8, name='embed')(chars)
    h = L.Concatenate(name='with_style')([h, L.RepeatVector(14)(L.Dense(4, activation='tanh', name='style_tower')(style))])
    h = rnn(h)
    m = keras.Model({'chars': chars, 'style': style}, L.Dense(24, activation='softmax', name='next_char')(h))
    m.compile('adam', 'sparse_categorical_crossentropy')
    return m


def build():
    keras.utils.set_random_seed(10)
    return body(L.Bidirectional(L.LSTM(10, return_sequences=True), name='rnn'))


def fixed():
    keras.utils.set_random_seed(10)
    return body(L.LSTM(20, return_sequences=True, name='rnn'))


def sample():
    r = np.random.default_rng(0)
    t = r.integers(1, 24, (6, 15)).astype('int32')
    return {'chars': t[:, :-1], 'style': r.normal(size=(6, 3)).astype('float32'), 'y': t[:, 1:]}


EXPECT = {
    'source': 'https://github.com/sherjilozair/char-rnn-tensorflow/pull/64', 'source_kind': 'report',
    'title': 'Adding a bidirectional neural network (good perplexity, useless predictions: the RNN has seen the future)',
    'category': 'other',
    'culprit': {'input': 'chars', 'variable': None, 'layer': 'rnn', 'op': None, 'line': 'return body(L.Bidirectional(L.LSTM(10, return_sequences=True), name=\'rnn\'))'},
    'why': 'The backward half has already read the character that is to be predicted.',
    'fix': 'A forward recurrence only.',
    'also': [{'layer': 'rnn', 'line': 'h = rnn(h)'}, {'op': 'ReverseV2'}, {'layer': 'backward'}, {'layer': 'next_char'}],
}
