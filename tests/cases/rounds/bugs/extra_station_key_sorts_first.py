"""The data carries one key more than the dict-input model and Keras pairs them by position."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='extra_station_key_sorts_first')


def build():
    keras.utils.set_random_seed(16)
    wind, hour = keras.Input((6,), name='wind'), keras.Input((2,), name='hour')
    h = L.Concatenate()([L.Dense(8, activation='tanh', name='wind_fc')(wind), L.Dense(4, name='hour_fc')(hour)])
    m = keras.Model({'wind': wind, 'hour': hour}, L.Dense(1, name='power')(h))
    m.compile(optimizer='adam', loss='mse')
    return m


def fixed():
    return build()


def data():
    r = np.random.default_rng(0)
    wind = r.normal(size=(10, 6)).astype('float32')
    return {'hour': r.normal(size=(10, 2)).astype('float32'), 'humidity': r.normal(size=(10, 6)).astype('float32'), 'wind': wind,
            'y': wind.sum(1, keepdims=True)}


def sample():
    return data()


def fixed_sample():
    d = data()
    d.pop('humidity')
    return d


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/23258',
    'title': 'Functional model with dict inputs uses an unrelated extra key as the declared input',
    'source_kind': 'variant',
    'category': 'unexpected_key',
    'culprit': {'input': 'humidity', 'variable': None, 'layer': None, 'op': None, 'line': "'humidity': r.normal(size=(10, 6)).astype('float32')"},
    'why': 'The model has no input of that name; with the sorted keys of the dict it is taken for (or shifts) another input of the same shape.',
    'fix': 'Drop the key from the data, or make it an input of the model.',
    'also': [{'input': 'humidity', 'variable': None, 'layer': None, 'op': None, 'line': None},
             {'input': 'wind', 'variable': None, 'layer': None, 'op': None, 'line': "m = keras.Model({'wind': wind, 'hour': hour}"}],
}
