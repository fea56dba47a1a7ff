"""Star ratings 1 to 5 are used as class numbers of a softmax with five classes 0 to 4."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m4_star_ratings')


def make():
    keras.utils.set_random_seed(40)
    review = keras.Input((9,), dtype='int32', name='review')
    shop = keras.Input((1,), dtype='int32', name='shop')
    x = L.Embedding(70, 8, mask_zero=True, name='words')(review)
    x = L.Bidirectional(L.GRU(5, name='gru'), name='reader')(x)
    s = L.Flatten(name='shop_flat')(L.Embedding(6, 3, name='shop_table')(shop))
    h = L.Concatenate(name='joined')([x, s])
    model = keras.Model({'review': review, 'shop': shop}, L.Dense(5, activation='softmax', name='stars')(h))
    model.compile('adam', 'sparse_categorical_crossentropy')
    return model


def build():
    return make()


def fixed():
    return make()


def sample():
    r = np.random.default_rng(41)
    review = r.integers(1, 70, (10, 9)).astype('int32')
    review[::2, 6:] = 0
    stars = np.array([5, 1, 4, 2, 3, 5, 4, 1, 2, 5])
    return {'review': review, 'shop': r.integers(0, 6, (10, 1)).astype('int32'), 'y': stars.astype('int32')}


def fixed_sample():
    s = sample()
    return s | {'y': s['y'] - 1}


def _at(line=None, layer=None, op=None, variable=None, input=None):
    return {'input': input, 'variable': variable, 'layer': layer, 'op': op, 'line': line}


EXPECT = {
    'source': 'https://github.com/rstudio/keras3/issues/465',
    'title': 'Loss sparse_categorical_crossentropy indexing issue',
    'source_kind': 'variant',
    'category': 'other',
    'culprit': _at("return {'review': review, 'shop': r.integers(0, 6, (10, 1)).astype('int32'), 'y': stars.astype('int32')}", 'stars', None, None, 'y'),
    'why': 'Five stars are class 5 of a softmax with classes 0 to 4: an error on a CPU, NaN on a GPU.',
    'fix': 'Subtract one from the ratings.',
    'also': [_at(input='y'), _at(layer='stars'), _at("L.Dense(5, activation='softmax', name='stars')(h)"), _at("model.compile('adam', 'sparse_categorical_crossentropy')"),
             _at(op='SparseSoftmaxCrossEntropyWithLogits'), _at('stars = np.array([5, 1, 4, 2, 3, 5, 4, 1, 2, 5])')],
}
