"""Hash embeddings: two hashed rows are mixed by learned importances of the word."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h4_hash_embeddi')


def F(r, *shape):
    return r.normal(size=shape).astype('float32')


def I(r, high, *shape, low=0):
    return r.integers(low, high, size=shape).astype('int32')


def B(r, *shape):
    return r.integers(0, 2, size=shape).astype('float32')


def build():
    keras.utils.set_random_seed(14)
    url = keras.Input((4,), dtype='string', name='url_parts')
    ids = [L.Hashing(13, salt=s, name=f'hash{s}')(url) for s in (1, 2)]
    rows = L.Embedding(13, 6, name='rows')
    weight = L.Embedding(50, 2, embeddings_initializer='ones', name='importance')(L.Hashing(50, salt=3, name='hash3')(url))
    parts = [L.Multiply(name=f'weighted{k}')([rows(i), weight[..., k:k + 1]]) for k, i in enumerate(ids)]
    h = L.GlobalAveragePooling1D()(L.Add()(parts))
    m = keras.Model(url, L.Dense(1, activation='sigmoid', name='phishing')(L.Dense(8, activation='relu', name='h')(h)))
    m.compile('adam', 'binary_crossentropy')
    return m


def sample():
    r = np.random.default_rng(14)
    words = np.array(['login', 'bank', 'secure', 'blog', 'news', 'cat', 'free', 'gift', 'docs', 'api'])
    return {'url_parts': words[r.integers(0, 10, (16, 4))], 'y': B(r, 16, 1)}


NOTES = dict(family='embeddings of categories', why_hard='string input, hashing, several tables read through different hashes', legit_nongradient=[])
