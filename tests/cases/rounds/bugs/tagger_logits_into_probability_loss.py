"""The tag head puts out logits (with a prior as bias), the loss takes them for probabilities and clips them."""
import keras
import numpy as np
from keras import layers


def make(activation):
    keras.utils.set_random_seed(73)
    clip = keras.Input((20, 10), name='spectrogram')
    artist = keras.Input((5,), name='artist')
    x = layers.SeparableConv1D(12, 3, activation='relu', name='conv')(clip)
    x = layers.GlobalMaxPooling1D(name='pool')(x)
    x = layers.Concatenate(name='join')([x, artist])
    x = layers.Dense(12, activation='relu', name='shared')(x)
    prior = keras.initializers.Constant(float(np.log(0.02 / 0.98)))
    tags = layers.Dense(7, activation=activation, bias_initializer=prior, name='tags')(x)
    model = keras.Model([clip, artist], tags)
    model.compile('adam', loss='binary_crossentropy')
    return model


def build():
    return make(None)


def fixed():
    return make('sigmoid')


def sample():
    r = np.random.default_rng(19)
    n = 12
    return {'spectrogram': r.normal(0, 0.5, (n, 20, 10)).astype('float32'), 'artist': r.normal(0, 0.5, (n, 5)).astype('float32'),
            'y': (r.uniform(size=(n, 7)) < 0.1).astype('float32')}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/4744',
    'title': 'The Theano backend should not clip output values by default for the binary_crossentropy function (sigmoid forgotten)',
    'source_kind': 'variant',
    'category': 'zero_gradient',
    'culprit': {'input': None, 'variable': 'tags/kernel', 'layer': 'tags', 'op': None, 'line': "model.compile('adam', loss='binary_crossentropy')"},
    'why': 'All outputs are below 0 (bias -3.9); binary_crossentropy clips them to epsilon, and a clipped value has gradient zero.',
    'fix': "activation='sigmoid' (or BinaryCrossentropy(from_logits=True))",
    'also': [{'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'tags = layers.Dense(7, activation=activation, bias_initializer=prior, name=\'tags\')(x)'},
             {'input': None, 'variable': None, 'layer': 'tags', 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': 'tags', 'op': None, 'line': None, 'category': 'other'},
             {'input': None, 'variable': None, 'layer': None, 'op': 'ClipByValue', 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'return make(None)'}],
}
