"""Demand forecasting, encoder and decoder: the decoder starts from zeros, the state of the encoder is computed and dropped."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'forecaster_drops_the_encoder_state'


@keras.saving.register_keras_serializable(package=PKG)
class Seq2Seq(keras.layers.Layer):
    def __init__(self, units=12, **kw):
        super().__init__(**kw)
        self.units = units
        self.past = keras.layers.GRU(units, return_state=True, name='past')
        self.future = keras.layers.GRU(units, return_sequences=True, name='future')

    def build(self, shapes):
        self.past.build(shapes[0])
        self.future.build(shapes[1])

    def call(self, inputs):
        history, calendar = inputs
        summary, state = self.past(history)
        return self.future(calendar)

    def get_config(self):
        return {**super().get_config(), 'units': self.units}


@keras.saving.register_keras_serializable(package=PKG)
class ConditionedSeq2Seq(Seq2Seq):
    def call(self, inputs):
        history, calendar = inputs
        summary, state = self.past(history)
        return self.future(calendar, initial_state=state)


def forecaster(core):
    keras.utils.set_random_seed(5)
    history = keras.Input((21, 3), name='history')
    calendar = keras.Input((7, 4), name='calendar')
    h = core([history, calendar])
    m = keras.Model({'history': history, 'calendar': calendar}, keras.layers.TimeDistributed(keras.layers.Dense(1, name='units_sold'), name='forecast')(h))
    m.compile('adam', keras.losses.Huber())
    return m


def build():
    return forecaster(Seq2Seq(name='seq2seq'))


def fixed():
    return forecaster(ConditionedSeq2Seq(name='seq2seq'))


def sample():
    r = np.random.default_rng(7)
    return {'history': r.normal(size=(8, 21, 3)).astype('float32'), 'calendar': r.integers(0, 2, (8, 7, 4)).astype('float32'),
            'y': r.normal(size=(8, 7, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/2995',
    'title': 'Seq2seq: the encoder is only used for the initial state of the decoder; without it there is no connection and no gradient',
    'source_kind': 'variant',
    'category': 'disconnected_variable',
    'culprit': {'input': 'history', 'variable': 'past/gru_cell/kernel', 'layer': 'seq2seq', 'op': None, 'line': 'return self.future(calendar)'},
    'why': 'The forecast does not depend on the history; the weights of the encoder get no gradient.',
    'fix': 'Pass initial_state=state to the decoder.',
}
EXPECT['also'] = [
    {'line': 'summary, state = self.past(history)'},
    {'layer': 'past'}, {'variable': None}, {'input': None, 'variable': 'past'},
    {'line': 'h = core([history, calendar])'},
]
