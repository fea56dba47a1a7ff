"""The last LSTM returns all time steps, the one risk score per customer is broadcast over them."""
import keras
import numpy as np
from keras import layers


def make(last_sequences):
    keras.utils.set_random_seed(7)
    events = keras.Input((12, 5), name='events')
    profile = keras.Input((4,), name='profile')
    p = layers.RepeatVector(12, name='spread')(layers.Dense(6, activation='relu', name='profile_fc')(profile))
    x = layers.Concatenate(name='join')([events, p])
    x = layers.LSTM(16, return_sequences=True, name='lstm_low')(x)
    x = layers.LSTM(8, return_sequences=last_sequences, name='lstm_top')(x)
    churn = layers.Dense(1, activation='sigmoid', name='churn')(x)
    model = keras.Model({'events': events, 'profile': profile}, churn)
    model.compile('rmsprop', 'mse')
    return model


def build():
    return make(True)


def fixed():
    return make(False)


def sample():
    r = np.random.default_rng(2)
    return {'events': r.normal(size=(16, 12, 5)).astype('float32'), 'profile': r.normal(size=(16, 4)).astype('float32'),
            'y': r.beta(2, 3, (16, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/45813',
    'title': 'Shape of model output can differ from target data shape',
    'source_kind': 'variant',
    'category': 'label_shape_broadcast',
    'culprit': {'input': None, 'variable': None, 'layer': 'churn', 'op': None,
                'line': "x = layers.LSTM(8, return_sequences=last_sequences, name='lstm_top')(x)"},
    'why': 'Predictions are (16, 12, 1), labels (16, 1): the loss broadcasts, every time step is trained on the final label.',
    'fix': 'return_sequences=False on the last LSTM.',
    'also': [{'input': None, 'variable': None, 'layer': 'lstm_top', 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': "churn = layers.Dense(1, activation='sigmoid', name='churn')(x)"},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': "model.compile('rmsprop', 'mse')"},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'return make(True)'},
             {'input': 'y', 'variable': None, 'layer': None, 'op': None, 'line': None}],
}
