"""Self-attention that folds its heads into the batch and repeats the padding mask."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_padding_mask_repeated_in_wrong_order')


@reg
class HeadsAttention(L.Layer):
    def __init__(self, heads=2, width=8, **kw):
        super().__init__(**kw)
        self.heads, self.width = heads, width
        self.q, self.k, self.v = (L.Dense(width, use_bias=False, name=n) for n in ('query', 'key', 'value'))
        self.out = L.Dense(width, name='mix')

    def build(self, shapes):
        for d in (self.q, self.k, self.v):
            d.build(shapes[0])
        self.out.build(tuple(shapes[0][:-1]) + (self.width,))

    def fold(self, x):
        s = tf.shape(x)
        x = tf.reshape(x, [s[0], s[1], self.heads, self.width // self.heads])
        return tf.reshape(tf.transpose(x, [2, 0, 1, 3]), [s[0] * self.heads, s[1], self.width // self.heads])

    def unfold(self, x):
        s = tf.shape(x)
        x = tf.reshape(x, [self.heads, s[0] // self.heads, s[1], self.width // self.heads])
        return tf.reshape(tf.transpose(x, [1, 2, 0, 3]), [s[0] // self.heads, s[1], self.width])

    def head_mask(self, mask):
        return tf.repeat(mask, self.heads, axis=0)

    def call(self, inputs):
        x, mask = inputs
        q, k, v = self.fold(self.q(x)), self.fold(self.k(x)), self.fold(self.v(x))
        scores = tf.matmul(q, k, transpose_b=True) / (self.width // self.heads) ** 0.5
        scores += (1.0 - self.head_mask(mask)[:, None, :]) * -1e9
        return self.out(self.unfold(tf.matmul(tf.nn.softmax(scores), v)))

    def compute_output_shape(self, shapes):
        return tuple(shapes[0][:-1]) + (self.width,)

    def get_config(self):
        return {**super().get_config(), 'heads': self.heads, 'width': self.width}


@reg
class TiledHeadsAttention(HeadsAttention):
    def head_mask(self, mask):
        return tf.tile(mask, [self.heads, 1])


def body(layer):
    tok = keras.Input((9,), dtype='int32', name='tokens')
    mask = keras.Input((9,), name='mask')
    h = L.Embedding(30, 8, name='embed')(tok)
    h = L.Add()([h, layer([h, mask])])
    w = L.Reshape((9, 1))(mask)
    h = L.Dot(axes=1, name='pooled')([w, h])
    m = keras.Model({'tokens': tok, 'mask': mask}, L.Dense(3, activation='softmax', name='intent')(L.Flatten()(h)))
    m.compile('adam', 'sparse_categorical_crossentropy')
    return m


def build():
    keras.utils.set_random_seed(16)
    return body(HeadsAttention(name='attention'))


def fixed():
    keras.utils.set_random_seed(16)
    return body(TiledHeadsAttention(name='attention'))


def sample():
    r = np.random.default_rng(0)
    n = np.array([9, 5, 7, 3, 8, 4])
    mask = (np.arange(9) < n[:, None]).astype('float32')
    return {'tokens': (r.integers(1, 30, (6, 9)) * mask).astype('int32'), 'mask': mask, 'y': r.integers(0, 3, (6,)).astype('int32')}


EXPECT = {
    'source': 'https://github.com/lsdefine/attention-is-all-you-need-keras/issues/36', 'source_kind': 'report',
    'title': 'reshape may not match (heads before batch, mask repeated element-wise)',
    'category': 'batch_mixing',
    'culprit': {'input': 'mask', 'variable': None, 'layer': 'attention', 'op': None, 'line': 'return tf.repeat(mask, self.heads, axis=0)'},
    'why': 'The heads come before the batch, but the mask is repeated row by row: sentences are masked by the padding of other sentences.',
    'fix': 'Tile the mask.',
    'also': [{'layer': 'attention', 'line': 'scores += (1.0 - self.head_mask(mask)[:, None, :]) * -1e9'}, {'line': 'return tf.reshape(tf.transpose(x, [2, 0, 1, 3])'},
             {'layer': 'attention', 'line': 'h = L.Add()([h, layer([h, mask])])'}, {'line': 'x = tf.reshape(x, [self.heads, s[0] // self.heads'}, {'line': 'return tf.reshape(tf.transpose(x, [1, 2, 0, 3])'},
             {'op': 'Reshape'}, {'op': 'Tile'}, {'op': 'AddV2'}],
}
