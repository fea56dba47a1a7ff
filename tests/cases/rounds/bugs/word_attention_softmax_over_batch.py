"""Word attention normalises its scores over the batch axis."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='word_attention_softmax_over_batch')


@reg
class WordAttention(L.Layer):
    axis = 0

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], 6), initializer='glorot_uniform', name='w')
        self.u = self.add_weight(shape=(6,), initializer=keras.initializers.RandomNormal(stddev=1.0), name='u')

    def call(self, words):
        scores = tf.tensordot(tf.tanh(tf.matmul(words, self.w)), self.u, 1)
        alpha = tf.nn.softmax(scores, axis=self.axis)
        return tf.reduce_sum(words * alpha[..., None], axis=1)


@reg
class WordAttentionTime(WordAttention):
    axis = 1


def net(attention):
    keras.utils.set_random_seed(10)
    title, body = keras.Input((6,), dtype='int32', name='title'), keras.Input((14,), dtype='int32', name='body')
    table = L.Embedding(40, 8, embeddings_initializer=keras.initializers.RandomNormal(stddev=0.7), name='table')
    b = attention(name='words')(L.Bidirectional(L.GRU(4, return_sequences=True), name='birnn')(table(body)))
    z = L.Concatenate()([L.GlobalAveragePooling1D()(table(title)), b])
    m = keras.Model({'title': title, 'body': body}, L.Dense(4, activation='softmax', name='topic')(z))
    m.compile(optimizer='adam', loss='sparse_categorical_crossentropy')
    return m


def build():
    return net(WordAttention)


def fixed():
    return net(WordAttentionTime)


def sample():
    r = np.random.default_rng(0)
    return {'title': r.integers(0, 40, (7, 6)).astype('int32'), 'body': r.integers(0, 40, (7, 14)).astype('int32'),
            'y': r.integers(0, 4, (7,)).astype('int32')}


EXPECT = {
    'source': 'https://github.com/PetrochukM/PyTorch-NLP/issues/2',
    'title': "Attention's softmax dimension is wrong?",
    'source_kind': 'variant',
    'category': 'batch_mixing',
    'culprit': {'input': 'body', 'variable': None, 'layer': 'words', 'op': 'Softmax', 'line': 'alpha = tf.nn.softmax(scores, axis=self.axis)'},
    'why': 'softmax over axis 0 normalises each position over the documents of the batch, so a document is read differently depending on its neighbours.',
    'fix': 'softmax over axis 1, the words.',
    'also': [{'input': 'body', 'variable': None, 'layer': 'words', 'op': 'Transpose', 'line': 'alpha = tf.nn.softmax(scores, axis=self.axis)'},
             {'input': None, 'variable': None, 'layer': 'words', 'op': None, 'line': 'axis = 0'},
             {'input': None, 'variable': None, 'layer': 'words', 'op': None, 'line': None}],
}
