"""A port from TF1 hands the keep probability to keras Dropout, whose argument is the rate."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

keras.utils.set_random_seed(15)
HPARAMS = {'keep_prob': 1.0, 'units': 12}


def net(rate):
    title, price, cat = keras.Input((10,), dtype='int32', name='title'), keras.Input((2,), name='price'), keras.Input((), dtype='int32', name='category')
    t = L.GlobalAveragePooling1D()(L.Embedding(50, 8, name='title_emb')(title))
    t = L.Dense(HPARAMS['units'], activation='tanh', name='title_fc')(t)
    t = L.Dropout(rate, name='title_drop')(t)
    o = L.Concatenate()([L.Dense(6, activation='relu', name='price_fc')(price), L.Embedding(6, 4, name='cat_emb')(cat)])
    h = L.Dense(8, activation='elu', name='join')(L.Concatenate()([t, o]))
    m = keras.Model({'title': title, 'price': price, 'category': cat}, L.Dense(1, name='log_sales')(h))
    m.compile('adam', loss='mse')
    return m


def build():
    return net(HPARAMS['keep_prob'])


def fixed():
    return net(1.0 - HPARAMS['keep_prob'])


def sample():
    r = np.random.default_rng(0)
    return {'title': r.integers(0, 50, (8, 10)).astype('int32'), 'price': r.random((8, 2), 'float32'),
            'category': r.integers(0, 6, 8).astype('int32'), 'y': r.normal(size=(8, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/titu1994/Inception-v4/issues/5', 'title': 'Dropout rate is inverted', 'source_kind': 'variant', 'category': 'zero_gradient',
    'culprit': {'input': None, 'variable': 'title_fc/kernel', 'layer': 'title_drop', 'op': None, 'line': "return net(HPARAMS['keep_prob'])"},
    'why': 'Dropout(1.0) drops everything in training: the title tower gives zeros and gets no gradient.',
    'fix': 'rate = 1 - keep_prob',
    'also': [{'op': None, 'layer': 'title_drop', 'line': "L.Dropout(rate, name='title_drop')"}, {'op': None, 'layer': 'title_drop', 'line': None},
             {'input': 'title', 'op': None, 'layer': None, 'line': None}, {'op': None, 'layer': None, 'line': "'keep_prob': 1.0"}],
}
