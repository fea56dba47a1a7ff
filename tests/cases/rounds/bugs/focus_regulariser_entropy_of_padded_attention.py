"""An entropy penalty on attention weights that are exactly zero on padding: 0 * log 0."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

keras.utils.set_random_seed(8)
reg = keras.saving.register_keras_serializable(package='m5_entropy')


@reg
class FocusedPool(L.Layer):
    def __init__(self, coef=0.01, **kw):
        super().__init__(**kw)
        self.coef = coef
        self.score = L.Dense(1, use_bias=False, name='score')

    def get_config(self):
        return {**super().get_config(), 'coef': self.coef}

    def build(self, x_shape, n_shape):
        self.score.build(x_shape)

    def entropy(self, w):
        return -tf.reduce_sum(w * tf.math.log(w), axis=-1)

    def call(self, x, n):
        keep = tf.sequence_mask(n, tf.shape(x)[1], dtype=x.dtype)
        w = tf.nn.softmax(self.score(x)[..., 0] - 1e9 * (1.0 - keep))
        self.add_loss(self.coef * tf.reduce_mean(self.entropy(w)))
        return tf.einsum('bt,btd->bd', w, x)


@reg
class FocusedPoolSafe(FocusedPool):
    def entropy(self, w):
        return -tf.reduce_sum(tf.math.xlogy(w, w), axis=-1)


def net(pool):
    ids, n, channel = keras.Input((6,), dtype='int32', name='ids'), keras.Input((), dtype='int32', name='n'), keras.Input((2,), name='channel')
    h = L.Dense(8, activation='tanh', name='mix')(L.Embedding(25, 8, name='emb')(ids))
    h = L.Concatenate()([pool(name='focus')(h, n), channel])
    m = keras.Model({'ids': ids, 'n': n, 'channel': channel}, L.Dense(3, activation='softmax', name='intent')(h))
    m.compile('adam', loss='sparse_categorical_crossentropy')
    return m


def build():
    return net(FocusedPool)


def fixed():
    return net(FocusedPoolSafe)


def sample():
    r = np.random.default_rng(0)
    return {'ids': r.integers(0, 25, (5, 6)).astype('int32'), 'n': np.array([6, 2, 4, 6, 3], 'int32'), 'channel': r.random((5, 2), 'float32'),
            'y': r.integers(0, 3, 5).astype('int32')}


EXPECT = {
    'source': 'https://github.com/donggong1/memae-anomaly-detection/issues/10',
    'title': 'The problem on Hard Shrinkage operation (the entropy of weights that are 0)',
    'source_kind': 'variant', 'category': 'nonfinite_gradient',
    'culprit': {'input': None, 'variable': 'emb', 'layer': 'focus', 'op': 'Log', 'line': 'return -tf.reduce_sum(w * tf.math.log(w), axis=-1)'},
    'why': 'Masked steps have weight 0; 0 * log(0) is NaN, in the penalty and in its gradient.',
    'fix': 'tf.math.xlogy(w, w) or w * log(w + eps).',
    'also': [{'op': 'Mul', 'layer': 'focus', 'line': 'return -tf.reduce_sum(w * tf.math.log(w), axis=-1)'},
             {'op': None, 'layer': None, 'line': 'self.add_loss(self.coef * tf.reduce_mean(self.entropy(w)))'}, {'op': None, 'layer': None, 'line': 'def entropy(self, w)'}],
}
