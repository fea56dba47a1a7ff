"""The saved model looks merchants up by their names; the new pipeline already sends integer codes."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m4_merchant_cod')


MERCHANTS = ['acme', 'borealis', 'cargo', 'delta', 'ember']


def make():
    keras.utils.set_random_seed(32)
    merchant = keras.Input((1,), dtype='string', name='merchant')
    hour = keras.Input((1,), dtype='int32', name='hour')
    amount = keras.Input((1,), name='amount')
    index = L.StringLookup(vocabulary=MERCHANTS, name='merchant_index')(merchant)
    m = L.Flatten(name='merchant_flat')(L.Embedding(len(MERCHANTS) + 1, 4, name='merchant_table')(index))
    h = L.Flatten(name='hour_flat')(L.Embedding(24, 3, name='hour_table')(hour))
    h = L.Dense(8, activation='relu', name='hidden')(L.Concatenate(name='joined')([m, h, amount]))
    model = keras.Model({'merchant': merchant, 'hour': hour, 'amount': amount}, L.Dense(1, activation='sigmoid', name='fraud')(h))
    model.compile('adam', 'binary_crossentropy')
    return model


def build():
    return make()


def fixed():
    return make()


def sample():
    r = np.random.default_rng(33)
    return {'merchant': r.integers(0, 5, (10, 1)).astype('int64'), 'hour': r.integers(0, 24, (10, 1)).astype('int32'),
            'amount': r.normal(size=(10, 1)).astype('float32'), 'y': r.integers(0, 2, (10, 1)).astype('float32')}


def fixed_sample():
    s = sample()
    return s | {'merchant': np.array(MERCHANTS)[s['merchant']]}


def _at(line=None, layer=None, op=None, variable=None, input=None):
    return {'input': input, 'variable': variable, 'layer': layer, 'op': op, 'line': line}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/20166',
    'title': 'This works in keras 2.15 with TensorFlow 2.15 but does not 3.5 with TensorFlow 2.17: multiple lookup layer types in inputs',
    'source_kind': 'variant',
    'category': 'dtype_mismatch',
    'culprit': _at("return {'merchant': r.integers(0, 5, (10, 1)).astype('int64'), 'hour': r.integers(0, 24, (10, 1)).astype('int32'),", None, None, None, 'merchant'),
    'why': 'The input is declared as a string; integer codes cannot be cast to strings, nor are they in the vocabulary.',
    'fix': 'Send the names, or give the model an integer input without the StringLookup.',
    'also': [_at(input='merchant'), _at(layer='merchant_index', input='merchant'), _at("merchant = keras.Input((1,), dtype='string', name='merchant')"),
             _at(op='Cast', input='merchant'), _at("index = L.StringLookup(vocabulary=MERCHANTS, name='merchant_index')(merchant)")],
}
