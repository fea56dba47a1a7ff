"""Raw Unix time is concatenated with scaled features in front of a sigmoid layer, which saturates for good."""
import keras
import numpy as np
from keras import layers


def make(scaled):
    keras.utils.set_random_seed(41)
    when = keras.Input((1,), name='pickup_time')
    where = keras.Input((2,), name='location')
    zone = keras.Input((), dtype='int32', name='zone')
    t = layers.Rescaling(1 / 302400, offset=-1.7e9 / 302400, name='week')(when) if scaled else when
    z = layers.Embedding(9, 4, name='zone_table')(zone)
    x = layers.Concatenate(name='features')([t, where, z])
    x = layers.Dense(16, activation='sigmoid', name='hidden')(x)
    demand = layers.Dense(1, activation='softplus', name='demand')(x)
    model = keras.Model({'pickup_time': when, 'location': where, 'zone': zone}, demand)
    model.compile('adam', 'poisson')
    return model


def build():
    return make(False)


def fixed():
    return make(True)


def sample():
    r = np.random.default_rng(11)
    n = 24
    return {'pickup_time': (1.7e9 + r.uniform(-302400, 302400, (n, 1))).astype('float32'), 'location': r.normal(size=(n, 2)).astype('float32'),
            'zone': r.integers(0, 9, n).astype('int32'), 'y': r.poisson(3.0, (n, 1)).astype('float32')}


EXPECT = {
    'source': 'own',
    'title': 'Raw timestamps as a feature',
    'source_kind': 'own',
    'category': 'saturation',
    'culprit': {'input': 'pickup_time', 'variable': 'hidden/kernel', 'layer': 'hidden', 'op': 'Sigmoid',
                'line': "x = layers.Dense(16, activation='sigmoid', name='hidden')(x)"},
    'why': '1.7e9 times any weight is far out on the sigmoid: its gradient is exactly zero, hidden and zone_table never move.',
    'fix': 'Scale the time (Normalization, Rescaling, or cyclic features).',
    'also': [{'input': None, 'variable': 'zone_table', 'layer': None, 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': 'hidden', 'op': None, 'line': None},
             {'input': 'pickup_time', 'variable': None, 'layer': None, 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': "x = layers.Concatenate(name='features')([t, where, z])"},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': "t = layers.Rescaling(1 / 302400, offset=-1.7e9 / 302400, name='week')(when) if scaled else when"}],
}
