"""The data pipeline delivers 'item_price_log', the two-tower model wants 'item_price'."""
import keras
import numpy as np
from keras import layers


def build():
    keras.utils.set_random_seed(67)
    user = keras.Input((6,), dtype='int32', name='watched')
    item = keras.Input((), dtype='int32', name='item_id')
    price = keras.Input((1,), name='item_price')
    table = layers.Embedding(25, 8, mask_zero=True, name='item_table')
    u = layers.GRU(8, name='user_tower')(table(user))
    v = layers.Concatenate()([layers.Embedding(25, 8, name='candidate_table')(item), layers.Dense(4, activation='relu', name='price_fc')(price)])
    v = layers.Dense(8, name='item_tower')(v)
    click = layers.Activation('sigmoid', name='click')(layers.Dot(-1, normalize=False, name='score')([u, v]))
    model = keras.Model({'watched': user, 'item_id': item, 'item_price': price}, click)
    model.compile('adam', 'binary_crossentropy')
    return model


fixed = build


def batch(price_key):
    r = np.random.default_rng(17)
    n = 9
    return {'watched': r.integers(1, 25, (n, 6)).astype('int32'), 'item_id': r.integers(1, 25, n).astype('int32'),
            price_key: r.normal(size=(n, 1)).astype('float32'), 'y': r.integers(0, 2, (n, 1)).astype('float32')}


def sample():
    return batch('item_price_log')


def fixed_sample():
    return batch('item_price')


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/42443',
    'title': 'Keras Model accepts unnamed (dict keys that do not match the input names)',
    'source_kind': 'variant',
    'category': 'missing_key',
    'culprit': {'input': 'item_price', 'variable': None, 'layer': None, 'op': None, 'line': "return batch('item_price_log')"},
    'why': "The sample has no 'item_price' (it is called item_price_log there).",
    'fix': 'Rename the key in the pipeline or the Input.',
    'also': [{'input': 'item_price_log', 'variable': None, 'layer': None, 'op': None, 'line': None, 'category': 'unexpected_key'},
             {'input': 'item_price', 'variable': None, 'layer': None, 'op': None, 'line': None},
             {'input': 'item_price', 'variable': None, 'layer': None, 'op': None, 'line': "price = keras.Input((1,), name='item_price')"},
             {'input': 'item_price', 'variable': None, 'layer': None, 'op': None, 'line': "model = keras.Model({'watched': user, 'item_id': item, 'item_price': price}, click)"}],
}
