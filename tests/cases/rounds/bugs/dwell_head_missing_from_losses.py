"""The dict of losses of a three-task ranker has no entry for the dwell time, so its tower is never trained."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m4_dwell_head_m')


BCE = 'binary_crossentropy'
TWO_TASKS = {'click': BCE, 'save': BCE}
THREE_TASKS = {'click': BCE, 'save': BCE, 'dwell': 'huber'}


def make(losses):
    keras.utils.set_random_seed(25)
    inputs = {'title': keras.Input((6,), dtype='int32', name='title'), 'position': keras.Input((1,), name='position')}
    words = L.Embedding(50, 8, mask_zero=True, name='words')(inputs['title'])
    text = L.GRU(8, name='text')(words)
    shared = L.Dense(12, activation='gelu', name='shared')(L.Concatenate(name='joined')([text, inputs['position']]))
    outputs = {}
    for task, activation in (('click', 'sigmoid'), ('save', 'sigmoid'), ('dwell', 'softplus')):
        h = L.Dense(6, activation='gelu', name=task + '_tower')(shared)
        outputs[task] = L.Dense(1, activation=activation, name=task)(h)
    model = keras.Model(inputs, outputs)
    model.compile('adam', loss=losses)
    return model


def build():
    return make(TWO_TASKS)


def fixed():
    return make(THREE_TASKS)


def sample():
    r = np.random.default_rng(26)
    title = r.integers(1, 50, (10, 6)).astype('int32')
    title[::3, 4:] = 0
    return {'title': title, 'position': r.random((10, 1)).astype('float32'), 'y:click': r.integers(0, 2, (10, 1)).astype('float32'),
            'y:save': r.integers(0, 2, (10, 1)).astype('float32'), 'y:dwell': r.gamma(2.0, 1.0, (10, 1)).astype('float32')}


def _at(line=None, layer=None, op=None, variable=None, input=None):
    return {'input': input, 'variable': variable, 'layer': layer, 'op': op, 'line': line}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/37887',
    'title': 'Wrong loss calculation with multi-output models when using model.fit.',
    'source_kind': 'variant',
    'category': 'none_gradient',
    'culprit': _at("TWO_TASKS = {'click': BCE, 'save': BCE}", 'dwell', None, 'dwell_tower'),
    'why': 'An output without an entry in the dict of losses has no loss; its tower gets no gradient.',
    'fix': "Add 'dwell': 'huber' to the losses.",
    'also': [_at('return make(TWO_TASKS)'), _at("model.compile('adam', loss=losses)"), _at(layer='dwell'), _at(layer='dwell_tower'), _at(variable='dwell'),
             _at("outputs[task] = L.Dense(1, activation=activation, name=task)(h)")],
}
