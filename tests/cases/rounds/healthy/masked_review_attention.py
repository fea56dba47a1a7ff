"""A correct model: text classification."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='healthy_masked_review_attention')


def R():
    return np.random.default_rng(0)


@reg
class MaskedPool(L.Layer):
    def __init__(self, **kw):
        super().__init__(**kw)
        self.supports_masking = True

    def build(self, shape):
        self.v = self.add_weight(shape=(shape[-1], 1), initializer='glorot_uniform', name='v')

    def compute_mask(self, x, mask=None):
        return None

    def call(self, x, mask=None):
        s = tf.matmul(tf.tanh(x), self.v)
        if mask is not None:
            s += (1.0 - tf.cast(mask, s.dtype)[..., None]) * -1e9
        return tf.reduce_sum(x * tf.nn.softmax(s, axis=1), 1)


def build():
    keras.utils.set_random_seed(8)
    t, stars = keras.Input((12,), dtype='int32', name='review'), keras.Input((1,), name='length')
    h = L.Bidirectional(L.GRU(5, return_sequences=True))(L.Embedding(30, 8, mask_zero=True)(t))
    z = L.Concatenate()([MaskedPool(name='pool')(h), L.Dense(3)(stars)])
    m = keras.Model({'review': t, 'length': stars}, L.Dense(1, activation='sigmoid')(z))
    m.compile(optimizer='adam', loss='binary_crossentropy')
    return m


def sample():
    r = R()
    t = r.integers(1, 30, (8, 12)).astype('int32')
    n = r.integers(3, 13, 8)
    t[np.arange(12)[None] >= n[:, None]] = 0
    return {'review': t, 'length': (n[:, None] / 12.0).astype('float32'), 'y': r.integers(0, 2, (8, 1)).astype('float32')}


NOTES = dict(family='text classification', why_hard='own attention pooling with a large negative mask on padding', legit_nongradient=[])
