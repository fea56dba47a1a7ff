"""Own GRU cell whose candidate state is computed with the update gate by copy and paste."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L

reg = keras.saving.register_keras_serializable(package='gru_cell_copied_gate')


@reg
class MyGRU(L.Layer):
    def __init__(self, units, **kw):
        super().__init__(**kw)
        self.units = units
        self.state_size = units

    def get_config(self):
        return {**super().get_config(), 'units': self.units}

    def build(self, shape):
        dim = shape[-1] + self.units
        self.w_r = self.add_weight(shape=(dim, self.units), initializer='glorot_uniform', name='reset')
        self.w_z = self.add_weight(shape=(dim, self.units), initializer='glorot_uniform', name='update')
        self.w_h = self.add_weight(shape=(dim, self.units), initializer='glorot_uniform', name='interim')

    def call(self, x, states):
        h = states[0]
        xh = tf.concat([x, h], -1)
        r = tf.sigmoid(tf.matmul(xh, self.w_r))
        z = tf.sigmoid(tf.matmul(xh, self.w_z))
        cand = tf.tanh(tf.matmul(tf.concat([x, r * h], -1), self.w_z))
        out = z * h + (1.0 - z) * cand
        return out, [out]


@reg
class MyGRU2(MyGRU):
    def call(self, x, states):
        h = states[0]
        xh = tf.concat([x, h], -1)
        r = tf.sigmoid(tf.matmul(xh, self.w_r))
        z = tf.sigmoid(tf.matmul(xh, self.w_z))
        cand = tf.tanh(tf.matmul(tf.concat([x, r * h], -1), self.w_h))
        out = z * h + (1.0 - z) * cand
        return out, [out]


def net(cell):
    keras.utils.set_random_seed(14)
    x, site = keras.Input((10, 3), name='sensors'), keras.Input((1,), dtype='int32', name='site')
    h = L.RNN(cell(6, name='cell'), name='rnn')(x)
    e = L.Flatten()(L.Embedding(5, 3, name='site_embed')(site))
    m = keras.Model({'sensors': x, 'site': site}, L.Dense(1, name='load')(L.Concatenate()([h, e])))
    m.compile(optimizer='adam', loss='huber')
    return m


def build():
    return net(MyGRU)


def fixed():
    return net(MyGRU2)


def sample():
    r = np.random.default_rng(0)
    return {'sensors': r.normal(size=(8, 10, 3)).astype('float32'), 'site': r.integers(0, 5, (8, 1)).astype('int32'),
            'y': r.normal(size=(8, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/tensorflow/probability/issues/927',
    'title': "Gradients do not exist for variables ['rnn/my_gru/interim:0'] when minimizing the loss",
    'source_kind': 'variant',
    'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'interim', 'layer': 'rnn', 'op': None, 'line': 'cand = tf.tanh(tf.matmul(tf.concat([x, r * h], -1), self.w_z))'},
    'why': 'The kernel of the candidate state is built and never used.',
    'fix': 'Use self.w_h for the candidate.',
    'also': [{'variable': 'interim', 'layer': 'cell', 'op': None, 'line': None},
             {'variable': 'interim', 'layer': None, 'op': None, 'line': "self.w_h = self.add_weight(shape=(dim, self.units), initializer='glorot_uniform', name='interim')"}],
}
