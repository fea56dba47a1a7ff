"""The decoder takes the encoder's state as an argument but calls its GRU without it."""
import keras
import numpy as np
from keras import layers


@keras.saving.register_keras_serializable(package='load_forecast')
class Decoder(layers.Layer):
    def __init__(self, units, **kw):
        super().__init__(**kw)
        self.units = units
        self.project = layers.Dense(units, activation='relu', name='project')
        self.gru = layers.GRU(units, return_sequences=True, name='gru')
        self.out = layers.Dense(1, name='out')

    def build(self, shapes):
        known, _ = shapes
        self.project.build(known)
        self.gru.build((known[0], known[1], self.units))
        self.out.build((known[0], known[1], self.units))
        self.built = True

    def decode(self, x, state):
        return self.gru(x)

    def call(self, inputs):
        known, state = inputs
        return self.out(self.decode(self.project(known), state))

    def compute_output_shape(self, shapes):
        return tuple(shapes[0][:2]) + (1,)

    def get_config(self):
        return {**super().get_config(), 'units': self.units}


@keras.saving.register_keras_serializable(package='load_forecast')
class StatefulDecoder(Decoder):
    def decode(self, x, state):
        return self.gru(x, initial_state=state)


def make(cls):
    keras.utils.set_random_seed(19)
    history = keras.Input((24, 3), name='history')
    known = keras.Input((6, 4), name='known_future')
    h = layers.GRU(14, return_sequences=True, name='encoder_low')(history)
    _, state = layers.GRU(10, return_state=True, name='encoder_top')(h)
    load = cls(10, name='decoder')([known, state])
    model = keras.Model({'history': history, 'known_future': known}, load)
    model.compile('adam', 'mae')
    return model


def build():
    return make(Decoder)


def fixed():
    return make(StatefulDecoder)


def sample():
    r = np.random.default_rng(6)
    return {'history': r.normal(size=(7, 24, 3)).astype('float32'), 'known_future': r.normal(size=(7, 6, 4)).astype('float32'),
            'y': r.normal(size=(7, 6, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/26990',
    'title': 'in nmt_with_attention, the gru layer in decoder confuse me (self.gru(x) without initial_state)',
    'source_kind': 'variant',
    'category': 'disconnected_input',
    'culprit': {'input': 'history', 'variable': 'encoder_', 'layer': 'decoder', 'op': None, 'line': 'return self.gru(x)'},
    'why': "The state is unpacked and passed on, but the GRU starts from zeros: 'history' and both encoder layers have no path to the loss.",
    'fix': 'self.gru(x, initial_state=state)',
    'also': [{'input': 'history', 'variable': None, 'layer': 'decoder', 'op': None, 'line': None},
             {'input': 'history', 'variable': None, 'layer': None, 'op': None, 'line': 'return self.out(self.decode(self.project(known), state))'},
             {'input': 'history', 'variable': None, 'layer': None, 'op': None, 'line': "load = cls(10, name='decoder')([known, state])"},
             {'input': 'history', 'variable': None, 'layer': None, 'op': None, 'line': 'known, state = inputs'},
             {'input': None, 'variable': 'encoder_', 'layer': 'decoder', 'op': None, 'line': None}],
}
