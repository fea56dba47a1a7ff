"""Hand-written two-way GRU puts the backward outputs in order by [::-1], which reverses the batch, not the time."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L
reg = keras.saving.register_keras_serializable(package='backward_encoder_reverses_first_axis')


@reg
class TwoWay(L.Layer):
    def __init__(self, units, **kw):
        super().__init__(**kw)
        self.units = units
        self.ahead = L.GRU(units, return_sequences=True, name='ahead')
        self.behind = L.GRU(units, return_sequences=True, go_backwards=True, name='behind')

    def reorder(self, h):
        return h[::-1]

    def call(self, x):
        return tf.concat([self.ahead(x), self.reorder(self.behind(x))], axis=-1)

    def get_config(self):
        return {**super().get_config(), 'units': self.units}


@reg
class TwoWayTime(TwoWay):
    def reorder(self, h):
        return h[:, ::-1]


def net(layer):
    keras.utils.set_random_seed(21)
    w, c = keras.Input((7,), dtype='int32', name='words'), keras.Input((7, 3), name='shape_features')
    h = L.Concatenate()([L.Embedding(40, 8, name='word_table')(w), L.Dense(4, activation='relu', name='shape_net')(c)])
    h = layer(6, name='encoder')(h)
    m = keras.Model({'words': w, 'shape_features': c}, L.Dense(5, activation='softmax', name='entity')(h))
    m.compile('adam', 'sparse_categorical_crossentropy')
    return m


def build():
    return net(TwoWay)


def fixed():
    return net(TwoWayTime)


def sample():
    r = np.random.default_rng(10)
    return {'words': r.integers(0, 40, (8, 7)).astype('int32'), 'shape_features': r.random((8, 7, 3)).astype('float32'), 'y': r.integers(0, 5, (8, 7)).astype('int32')}


EXPECT = {
    'source': 'https://github.com/EderSantana/seya/issues/32', 'title': 'Why is the backward output reversed across first axes in the bidirectional RNN?', 'source_kind': 'report', 'category': 'batch_mixing',
    'culprit': {'input': 'shape_features', 'variable': None, 'layer': 'encoder', 'op': 'StridedSlice', 'line': 'return h[::-1]'},
    'why': 'Row i gets the backward states of row B-1-i.', 'fix': 'h[:, ::-1]',
    'also': [{'input': 'words'}, {'op': None}, {'op': 'ReverseV2'}, {'op': None, 'line': 'self.reorder(self.behind(x))'}, {'op': None, 'line': "h = layer(6, name='encoder')(h)"}],
}
