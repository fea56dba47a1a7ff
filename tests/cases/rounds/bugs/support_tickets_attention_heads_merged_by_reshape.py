"""Heads are folded into the batch axis and merged by a plain reshape, so tickets of one batch mix."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

keras.utils.set_random_seed(3)
reg = keras.saving.register_keras_serializable(package='m5_heads')


@reg
class SelfAttention(L.Layer):
    def __init__(self, heads=2, dim=8, **kw):
        super().__init__(**kw)
        self.heads, self.dim = heads, dim
        self.q, self.k, self.v, self.out = (L.Dense(dim, name=n) for n in ('q', 'k', 'v', 'out'))

    def get_config(self):
        return {**super().get_config(), 'heads': self.heads, 'dim': self.dim}

    def build(self, shape):
        for d in (self.q, self.k, self.v):
            d.build(shape)
        self.out.build((None, None, self.dim))

    def split(self, x):
        t = tf.shape(x)[1]
        x = tf.reshape(x, (-1, t, self.heads, self.dim // self.heads))
        return tf.reshape(tf.transpose(x, (2, 0, 1, 3)), (-1, t, self.dim // self.heads))

    def merge(self, o, like):
        return tf.reshape(o, (tf.shape(like)[0], tf.shape(like)[1], self.dim))

    def call(self, x):
        q, k, v = self.split(self.q(x)), self.split(self.k(x)), self.split(self.v(x))
        a = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) / (self.dim // self.heads) ** 0.5)
        return x + self.out(self.merge(tf.matmul(a, v), x))


@reg
class SelfAttentionConcat(SelfAttention):
    def merge(self, o, like):
        return tf.concat(tf.split(o, self.heads, axis=0), axis=-1)


def net(att):
    ids, prio = keras.Input((7,), dtype='int32', name='tokens'), keras.Input((3,), name='priority')
    h = L.Embedding(30, 8, name='tok')(ids)
    h = L.LayerNormalization(name='ln')(att(2, 8, name='att')(h))
    h = L.Concatenate()([L.GlobalAveragePooling1D()(h), prio])
    m = keras.Model({'tokens': ids, 'priority': prio}, {'queue': L.Dense(4, name='queue')(h), 'hours': L.Dense(1, name='hours')(h)})
    m.compile('adam', loss={'queue': keras.losses.SparseCategoricalCrossentropy(from_logits=True), 'hours': 'mse'})
    return m


def build():
    return net(SelfAttention)


def fixed():
    return net(SelfAttentionConcat)


def sample():
    r = np.random.default_rng(0)
    return {'tokens': r.integers(0, 30, (6, 7)).astype('int32'), 'priority': r.random((6, 3), 'float32'),
            'y:queue': r.integers(0, 4, 6).astype('int32'), 'y:hours': r.random((6, 1), 'float32')}


EXPECT = {
    'source': 'https://github.com/jadore801120/attention-is-all-you-need-pytorch/issues/7',
    'title': 'MultiHeadAttention() implemention question',
    'source_kind': 'variant', 'category': 'batch_mixing',
    'culprit': {'input': 'tokens', 'variable': None, 'layer': 'att', 'op': 'Reshape',
                'line': 'return tf.reshape(o, (tf.shape(like)[0], tf.shape(like)[1], self.dim))'},
    'why': 'The result of the attention is (heads*batch, time, depth); reshaping it to (batch, time, dim) reads other rows of the batch.',
    'fix': 'tf.concat(tf.split(o, heads, axis=0), axis=-1), or transpose back before the reshape.',
    'also': [{'op': None, 'line': 'self.out(self.merge(tf.matmul(a, v), x))', 'layer': None}, {'op': None, 'line': 'def merge(self, o, like)', 'layer': None},
             {'op': 'Transpose', 'line': 'tf.transpose(x, (2, 0, 1, 3))', 'layer': None}],
}
