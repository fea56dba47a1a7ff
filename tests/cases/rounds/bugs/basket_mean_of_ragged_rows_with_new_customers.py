"""The mean over a ragged basket divides zero by zero for a customer without purchases."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

keras.utils.set_random_seed(9)
reg = keras.saving.register_keras_serializable(package='m5_ragged')


@reg
class BasketMean(L.Layer):
    def call(self, vecs, n):
        rows = tf.RaggedTensor.from_tensor(vecs, lengths=n)
        return tf.reduce_mean(rows, axis=1)


@reg
class BasketMeanOrZero(L.Layer):
    def call(self, vecs, n):
        rows = tf.RaggedTensor.from_tensor(vecs, lengths=n)
        return tf.reduce_sum(rows, axis=1) / tf.cast(tf.maximum(n, 1), vecs.dtype)[:, None]


def net(mean):
    items, n, cand = keras.Input((7,), dtype='int32', name='items'), keras.Input((), dtype='int32', name='n_items'), keras.Input((), dtype='int32', name='candidate')
    emb = L.Embedding(40, 6, name='item_emb')
    user = L.Dense(6, name='user_fc')(mean(name='basket')(emb(items), n))
    item = L.Dense(6, activation='tanh', name='item_fc')(emb(cand))
    m = keras.Model({'items': items, 'n_items': n, 'candidate': cand}, L.Activation('sigmoid', name='p')(L.Dot(1, name='score')([user, item])))
    m.compile('adam', loss='binary_crossentropy')
    return m


def build():
    return net(BasketMean)


def fixed():
    return net(BasketMeanOrZero)


def sample():
    r = np.random.default_rng(0)
    return {'items': r.integers(0, 40, (6, 7)).astype('int32'), 'n_items': np.array([3, 7, 0, 1, 5, 2], 'int32'),
            'candidate': r.integers(0, 40, 6).astype('int32'), 'y': r.integers(0, 2, (6, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/36359',
    'title': '[Bug] embedding_lookup_sparse divide by zero when use mean combiner',
    'source_kind': 'variant', 'category': 'nonfinite_gradient',
    'culprit': {'input': 'n_items', 'variable': 'user_fc/kernel', 'layer': 'basket', 'op': 'RealDiv', 'line': 'return tf.reduce_mean(rows, axis=1)'},
    'why': 'An empty row has sum 0 and count 0; the NaN reaches every shared kernel.',
    'fix': 'Divide by max(n, 1).',
    'also': [{'op': None, 'layer': None, 'line': "mean(name='basket')(emb(items), n)"}, {'op': None, 'layer': 'basket', 'line': None}, {'input': 'items', 'op': None, 'layer': None, 'line': None}],
}
