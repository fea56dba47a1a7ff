"""Poisson loss on a linear output of a claim frequency model: the log of a negative rate is NaN."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L
reg = keras.saving.register_keras_serializable(package='claim_counts_poisson_on_linear_rate')


def net(act):
    keras.utils.set_random_seed(17)
    d, v, e = keras.Input((5,), name='driver'), keras.Input((1,), dtype='int32', name='vehicle'), keras.Input((1,), name='exposure')
    left = L.Dense(12, activation='tanh', name='driver_net')(d)
    right = L.Flatten()(L.Embedding(9, 4, name='vehicle_table')(v))
    h = L.Dense(8, activation='tanh', name='merged')(L.Concatenate()([left, right]))
    rate = L.Dense(1, activation=act, name='rate')(h)
    m = keras.Model({'driver': d, 'vehicle': v, 'exposure': e}, L.Multiply(name='claims')([rate, e]))
    m.compile('adam', loss='poisson')
    return m


def build():
    return net(None)


def fixed():
    return net('softplus')


def sample():
    r = np.random.default_rng(6)
    return {'driver': r.normal(size=(24, 5)).astype('float32'), 'vehicle': r.integers(0, 9, (24, 1)).astype('int32'),
            'exposure': r.uniform(.2, 1, (24, 1)).astype('float32'), 'y': r.poisson(.4, (24, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/590', 'title': 'nan loss with poisson objective function', 'source_kind': 'report', 'category': 'nonfinite_gradient',
    'culprit': {'input': None, 'variable': 'rate', 'layer': 'rate', 'op': 'Log', 'line': 'return net(None)'},
    'why': 'The rate is linear and gets negative; its log makes the loss NaN.', 'fix': 'softplus or exp on the rate.', 'symptom': [('loss', 'nonfinite')],
    'also': [{'layer': 'claims', 'op': None}, {'layer': None, 'op': 'Log', 'line': "m.compile('adam', loss='poisson')"}, {'layer': 'rate', 'op': None, 'line': "name='rate')"}, {'layer': None, 'variable': None, 'op': None, 'line': "L.Multiply(name='claims')"}],
}
