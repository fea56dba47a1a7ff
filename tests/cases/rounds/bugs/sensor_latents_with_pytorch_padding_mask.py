"""keras MultiHeadAttention is given a PyTorch key_padding_mask, True at the padding."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

keras.utils.set_random_seed(17)
reg = keras.saving.register_keras_serializable(package='m5_padmask')


@reg
class LatentPool(L.Layer):
    def __init__(self, n=2, dim=8, **kw):
        super().__init__(**kw)
        self.n, self.dim = n, dim
        self.mha = L.MultiHeadAttention(2, dim // 2, name='mha')

    def get_config(self):
        return {**super().get_config(), 'n': self.n, 'dim': self.dim}

    def build(self, x_shape, padding_shape):
        self.latents = self.add_weight(name='latents', shape=(1, self.n, self.dim), initializer='random_normal')
        self.mha.build((None, self.n, self.dim), x_shape)

    def compute_output_shape(self, x_shape, padding_shape):
        return (x_shape[0], self.n * self.dim)

    def call(self, x, padding):
        q = tf.tile(self.latents, (tf.shape(x)[0], 1, 1))
        z = self.mha(q, x, attention_mask=padding[:, None, :])
        return tf.reshape(z, (-1, self.n * self.dim))


def net(convention):
    sig, n, site = keras.Input((10, 4), name='signal'), keras.Input((1,), dtype='int32', name='length'), keras.Input((), dtype='int32', name='site')
    steps = ops.expand_dims(ops.arange(10, dtype='int32'), 0)
    padding = ops.greater_equal(steps, n) if convention == 'torch' else ops.less(steps, n)
    h = L.Dense(8, use_bias=False, name='signal_proj')(sig)
    h = L.Concatenate()([LatentPool(2, 8, name='latents')(h, padding), L.Embedding(3, 4, name='site_emb')(site)])
    m = keras.Model({'signal': sig, 'length': n, 'site': site}, L.Dense(2, activation='softmax', name='fault')(h))
    m.compile('adam', loss='sparse_categorical_crossentropy')
    return m


def build():
    return net('torch')


def fixed():
    return net('keras')


def sample():
    r = np.random.default_rng(0)
    n = np.array([4, 7, 9, 3, 6, 8], 'int32')[:, None]
    x = r.normal(size=(6, 10, 4)).astype('float32') * (np.arange(10)[None] < n)[..., None]
    return {'signal': x.astype('float32'), 'length': n, 'site': r.integers(0, 3, 6).astype('int32'), 'y': r.integers(0, 2, 6).astype('int32')}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/45854', 'title': 'MultiHeadAttention masking mechanism', 'source_kind': 'variant', 'category': 'zero_gradient',
    'culprit': {'input': 'signal', 'variable': 'signal_proj/kernel', 'layer': 'latents', 'op': None, 'line': "padding = ops.greater_equal(steps, n) if convention == 'torch' else ops.less(steps, n)"},
    'why': 'In Keras True means "attend": only the zero padding is read, so the projection of the signal has a zero gradient.',
    'fix': 'ops.less(steps, n)',
    'also': [{'op': None, 'layer': 'latents', 'line': 'self.mha(q, x, attention_mask=padding[:, None, :])'}, {'op': None, 'layer': 'mha', 'line': None}, {'op': None, 'layer': None, 'line': "net('torch')"},
             {'op': None, 'layer': 'signal_proj', 'line': "name='signal_proj'"}, {'op': None, 'layer': 'latents', 'line': "LatentPool(2, 8, name='latents')"}, {'op': 'Softmax', 'layer': None, 'line': None}],
}
