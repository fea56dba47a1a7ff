"""Attention pooling normalises its scores over the axis of size one: all weights are 1."""
import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable(package='reviews')
class AttentionPooling(layers.Layer):
    def __init__(self, units, axis=-1, **kw):
        super().__init__(**kw)
        self.units, self.axis = units, axis
        self.hidden = layers.Dense(units, activation='tanh', name='hidden')
        self.score = layers.Dense(1, use_bias=False, name='score')

    def build(self, shape):
        self.hidden.build(shape)
        self.score.build(tuple(shape[:-1]) + (self.units,))
        self.built = True

    def call(self, x):
        weights = ops.softmax(self.score(self.hidden(x)), axis=self.axis)
        return ops.sum(weights * x, axis=1)

    def compute_output_shape(self, s):
        return (s[0], s[2])

    def get_config(self):
        return {**super().get_config(), 'units': self.units, 'axis': self.axis}


def make(axis):
    keras.utils.set_random_seed(31)
    text = keras.Input((14,), dtype='int32', name='review')
    title = keras.Input((5,), dtype='int32', name='title')
    table = layers.Embedding(40, 10, name='words')
    a = layers.Bidirectional(layers.LSTM(6, return_sequences=True), name='review_rnn')(table(text))
    a = AttentionPooling(8, axis=axis, name='review_pool')(a)
    b = layers.GlobalAveragePooling1D()(table(title))
    stars = layers.Dense(5, activation='softmax', name='stars')(layers.Concatenate()([a, b]))
    model = keras.Model({'review': text, 'title': title}, stars)
    model.compile('adam', 'sparse_categorical_crossentropy')
    return model


def build():
    return make(-1)


def fixed():
    return make(1)


def sample():
    r = np.random.default_rng(9)
    return {'review': r.integers(0, 40, (8, 14)).astype('int32'), 'title': r.integers(0, 40, (8, 5)).astype('int32'), 'y': r.integers(0, 5, 8)}


EXPECT = {
    'source': 'https://github.com/PetrochukM/PyTorch-NLP/issues/2',
    'title': "Attention's softmax dimension is wrong?",
    'source_kind': 'variant',
    'category': 'zero_gradient',
    'culprit': {'input': None, 'variable': 'score', 'layer': 'review_pool', 'op': 'Softmax',
                'line': 'weights = ops.softmax(self.score(self.hidden(x)), axis=self.axis)'},
    'why': 'Scores are (batch, time, 1): softmax over the last axis gives ones, its gradient is exactly zero for hidden and score.',
    'fix': 'axis=1',
    'also': [{'input': None, 'variable': 'hidden', 'layer': None, 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': 'review_pool', 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': "a = AttentionPooling(8, axis=axis, name='review_pool')(a)"},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'return make(-1)'}],
}
