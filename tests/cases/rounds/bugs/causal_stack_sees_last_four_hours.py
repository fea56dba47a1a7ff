"""Load forecaster: a stack of causal convolutions of which only the last step is used."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m7_causal_stack_sees_last_four_hours')


def body(dilations):
    load = keras.Input((24, 2), name='load')
    cal = keras.Input((5,), name='calendar')
    h = load
    for i, d in enumerate(dilations):
        h = L.Conv1D(8, 2, dilation_rate=d, padding='causal', activation='elu', name=f'conv{i}')(h)
    h = L.Cropping1D((23, 0), name='last_step')(h)
    h = L.Concatenate()([L.Flatten()(h), L.Dense(4, activation='elu', name='calendar_tower')(cal)])
    m = keras.Model({'load': load, 'calendar': cal}, L.Dense(3, name='next_hours')(h))
    m.compile('adam', 'mse')
    return m


def build():
    keras.utils.set_random_seed(18)
    return body(dilations=(1, 1, 1))


def fixed():
    keras.utils.set_random_seed(18)
    return body(dilations=(1, 2, 4, 8, 8))


def sample():
    r = np.random.default_rng(0)
    return {'load': r.normal(size=(6, 24, 2)).astype('float32'), 'calendar': r.normal(size=(6, 5)).astype('float32'),
            'y': r.normal(size=(6, 3)).astype('float32')}


EXPECT = {
    'source': 'own', 'source_kind': 'own', 'title': 'Receptive field of 4 steps in a window of 24',
    'category': 'zero_gradient',
    'culprit': {'input': 'load', 'variable': None, 'layer': 'last_step', 'op': None, 'line': 'return body(dilations=(1, 1, 1))'},
    'why': 'Three convolutions of width 2 without dilation see 4 hours; the first 20 of the window do not reach the forecast.',
    'fix': 'Dilate.',
    'also': [{'line': "h = L.Cropping1D((23, 0), name='last_step')(h)"}, {'layer': 'conv'}, {'op': 'StridedSlice'}, {'op': 'Conv2D'},
             {'line': "h = L.Conv1D(8, 2, dilation_rate=d, padding='causal'"}],
}
