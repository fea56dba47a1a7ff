"""Own cross attention builds keys and values from the question, not from the document."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='cross_attention_reads_query_twice')


@reg
class CrossAttend(L.Layer):
    def __init__(self, dim=8, **kw):
        super().__init__(**kw)
        self.dim = dim
        self.q, self.k, self.v = L.Dense(dim, name='q'), L.Dense(dim, name='k'), L.Dense(dim, name='v')

    def get_config(self):
        return {**super().get_config(), 'dim': self.dim}

    def build(self, query_shape, context_shape):
        for layer, shape in ((self.q, query_shape), (self.k, context_shape), (self.v, context_shape)):
            layer.build(shape)

    def attend(self, q, k, v):
        w = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) * self.dim ** -0.5)
        return tf.matmul(w, v)

    def call(self, query, context):
        return query + self.attend(self.q(query), self.k(query), self.v(query))


@reg
class CrossAttend2(CrossAttend):
    def call(self, query, context):
        return query + self.attend(self.q(query), self.k(context), self.v(context))


def net(cross):
    keras.utils.set_random_seed(15)
    question, document = keras.Input((5,), dtype='int32', name='question'), keras.Input((12,), dtype='int32', name='document')
    q = L.Embedding(30, 8, name='question_embed')(question)
    d = L.Conv1D(8, 3, padding='same', activation='gelu', name='doc_conv')(L.Embedding(50, 8, name='doc_embed')(document))
    h = L.LayerNormalization(name='ln')(cross(name='cross')(q, d))
    m = keras.Model({'question': question, 'document': document}, L.Dense(1, activation='sigmoid', name='answerable')(L.GlobalMaxPooling1D()(h)))
    m.compile(optimizer='adam', loss='binary_crossentropy')
    return m


def build():
    return net(CrossAttend)


def fixed():
    return net(CrossAttend2)


def sample():
    r = np.random.default_rng(0)
    return {'question': r.integers(0, 30, (8, 5)).astype('int32'), 'document': r.integers(0, 50, (8, 12)).astype('int32'),
            'y': r.integers(0, 2, (8, 1)).astype('float32')}


EXPECT = {
    'source': 'own',
    'title': 'Cross attention that is a self attention',
    'source_kind': 'own',
    'category': 'disconnected_input',
    'culprit': {'input': 'document', 'variable': 'doc_embed/embeddings', 'layer': 'cross', 'op': None, 'line': 'return query + self.attend(self.q(query), self.k(query), self.v(query))'},
    'why': 'The layer takes the context and never uses it, so neither the document nor its embedding and convolution matter.',
    'fix': 'Keys and values from the context.',
    'also': [{'input': 'document', 'variable': 'doc_conv/kernel', 'layer': 'cross', 'op': None, 'line': 'def call(self, query, context):'},
             {'input': 'document', 'variable': None, 'layer': 'cross', 'op': None, 'line': "h = L.LayerNormalization(name='ln')(cross(name='cross')(q, d))"}],
}
