"""The pipeline passes one more series than the model has inputs; its name sorts first and it is taken for another input."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m4_campaign_arr')


def make():
    keras.utils.set_random_seed(30)
    series = {k: keras.Input((14,), name=k) for k in ('demand', 'price')}
    towers = []
    for name, s in series.items():
        h = L.Reshape((14, 1), name=name + '_steps')(s)
        towers.append(L.LSTM(6, name=name + '_lstm')(h))
    h = L.Dense(8, activation='relu', name='hidden')(L.Concatenate(name='joined')(towers))
    model = keras.Model(series, L.Dense(7, name='next_week')(h))
    model.compile('adam', 'mae')
    return model


def build():
    return make()


def fixed():
    return make()


def sample():
    r = np.random.default_rng(31)
    return {'campaign': r.integers(0, 2, (8, 14)).astype('float32'), 'demand': r.gamma(2.0, 1.0, (8, 14)).astype('float32'),
            'price': r.random((8, 14)).astype('float32'), 'y': r.gamma(2.0, 1.0, (8, 7)).astype('float32')}


def fixed_sample():
    return {k: v for k, v in sample().items() if k != 'campaign'}


def _at(line=None, layer=None, op=None, variable=None, input=None):
    return {'input': input, 'variable': variable, 'layer': layer, 'op': op, 'line': line}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/23258',
    'title': 'Functional model with dict inputs uses an unrelated extra key as the declared input',
    'source_kind': 'report',
    'category': 'unexpected_key',
    'culprit': _at("return {'campaign': r.integers(0, 2, (8, 14)).astype('float32'), 'demand': r.gamma(2.0, 1.0, (8, 14)).astype('float32'),", None, None, None, 'campaign'),
    'why': 'The model has no input campaign; some versions of Keras flatten the dict by sorted keys and read campaign as demand.',
    'fix': 'Drop the key from the data (or give the model such an input).',
    'also': [_at(input='campaign'), _at("series = {k: keras.Input((14,), name=k) for k in ('demand', 'price')}"), _at("model = keras.Model(series, L.Dense(7, name='next_week')(h))")],
}
