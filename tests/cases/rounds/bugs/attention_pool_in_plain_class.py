"""Attention pooling kept in a plain Python class: its dense layers are used but not tracked by the model."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
PKG = 'attention_pool_in_plain_class'
reg = keras.saving.register_keras_serializable(package=PKG)


class WordAttention:
    def __init__(self, units):
        self.hidden = L.Dense(units, activation='tanh', name='score_hidden')
        self.score = L.Dense(1, name='score')

    def __call__(self, seq):
        w = ops.softmax(self.score(self.hidden(seq)), axis=1)
        return ops.sum(w * seq, axis=1)


@reg
class WordAttentionLayer(L.Layer):
    def __init__(self, units, **kw):
        super().__init__(**kw)
        self.hidden = L.Dense(units, activation='tanh', name='score_hidden')
        self.score = L.Dense(1, name='score')

    def call(self, seq):
        w = ops.softmax(self.score(self.hidden(seq)), axis=1)
        return ops.sum(w * seq, axis=1)


@reg
class ReviewModel(keras.Model):
    def __init__(self, **kw):
        super().__init__(**kw)
        self.words = L.Embedding(30, 12, name='words')
        self.rnn = L.Bidirectional(L.GRU(6, return_sequences=True), name='bigru')
        self.pool = WordAttention(8)
        self.side = L.Dense(4, activation='relu', name='side')
        self.out = L.Dense(1, activation='sigmoid', name='out')

    def call(self, inputs):
        h = self.pool(self.rnn(self.words(inputs['tokens'])))
        return self.out(ops.concatenate([h, self.side(inputs['stars'])], -1))


@reg
class ReviewModelLayer(ReviewModel):
    def __init__(self, **kw):
        super().__init__(**kw)
        self.pool = WordAttentionLayer(8, name='pool')


def net(cls):
    keras.utils.set_random_seed(14)
    m = cls()
    m.compile('adam', 'binary_crossentropy')
    m({k: v for k, v in sample().items() if k != 'y'})
    return m


def build():
    return net(ReviewModel)


def fixed():
    return net(ReviewModelLayer)


def sample():
    r = np.random.default_rng(3)
    return {'tokens': r.integers(1, 30, (12, 9)).astype('int32'), 'stars': r.random((12, 3)).astype('float32'), 'y': r.integers(0, 2, (12, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/37501', 'title': 'Gradients do not exist for variables (Attention_Model() is a plain class holding Dense layers)',
    'source_kind': 'variant', 'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'score_hidden', 'layer': None, 'op': None, 'line': 'self.pool = WordAttention(8)'},
    'why': 'Keras does not look into a plain object, so the scoring layers are neither trained nor saved.', 'fix': 'Make it a keras.layers.Layer.',
    'also': [{'variable': 'score', 'line': None}, {'variable': 'score_hidden', 'line': 'class WordAttention:'}, {'variable': None, 'line': "self.score = L.Dense(1, name='score')"},
             {'variable': None, 'line': "self.hidden = L.Dense(units, activation='tanh', name='score_hidden')"}, {'variable': None, 'line': 'h = self.pool(self.rnn('},
             {'variable': None, 'line': 'w = ops.softmax(self.score(self.hidden(seq)), axis=1)'}],
}
