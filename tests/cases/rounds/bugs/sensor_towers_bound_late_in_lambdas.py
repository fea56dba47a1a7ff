"""Lambdas made in a loop all see the last tower, so the other sensors' towers are never used."""
import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable(package='rig')
class SensorTowers(layers.Layer):
    """One small encoder for each group of channels."""

    def __init__(self, groups, units=6, bound=False, **kw):
        super().__init__(**kw)
        self.groups, self.units, self.bound = groups, units, bound
        self.towers = [layers.Dense(units, activation='tanh', name=f'tower_{k}') for k in range(groups)]
        if bound:
            self.encoders = [lambda t, k=k: self.towers[k](t) for k in range(groups)]
        else:
            self.encoders = [lambda t: self.towers[k](t) for k in range(groups)]

    def build(self, shape):
        for tower in self.towers:
            tower.build(tuple(shape[:-1]) + (shape[-1] // self.groups,))
        super().build(shape)

    def call(self, x):
        parts = ops.split(x, self.groups, axis=-1)
        return ops.concatenate([f(p) for f, p in zip(self.encoders, parts)], axis=-1)

    def compute_output_shape(self, s):
        return tuple(s[:-1]) + (self.groups * self.units,)

    def get_config(self):
        return {**super().get_config(), 'groups': self.groups, 'units': self.units, 'bound': self.bound}


def make(bound):
    keras.utils.set_random_seed(13)
    signals = keras.Input((20, 12), name='signals')
    x = SensorTowers(3, bound=bound, name='sensors')(signals)
    x = layers.Conv1D(8, 5, activation='relu', name='temporal')(x)
    rul = layers.Dense(1, activation='softplus', name='rul')(layers.GlobalAveragePooling1D()(x))
    model = keras.Model(signals, rul)
    model.compile('adam', 'huber')
    return model


def build():
    return make(False)


def fixed():
    return make(True)


def sample():
    r = np.random.default_rng(4)
    return {'signals': r.normal(size=(6, 20, 12)).astype('float32'), 'y': r.gamma(2.0, 1.0, (6, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/56169',
    'title': 'Unexpected output when lambda layers are used in a for loop',
    'source_kind': 'variant',
    'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'tower_0', 'layer': 'sensors', 'op': None,
                'line': 'self.encoders = [lambda t: self.towers[k](t) for k in range(groups)]'},
    'why': 'The lambdas look k up when they are called: all three call the last tower; tower_0 and tower_1 have gradient None.',
    'fix': 'Bind the loop variable: lambda t, k=k: ... (or index the list in call).',
    'also': [{'input': None, 'variable': 'tower_1', 'layer': None, 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': 'return ops.concatenate([f(p) for f, p in zip(self.encoders, parts)], axis=-1)'},
             {'input': None, 'variable': None, 'layer': None, 'op': None, 'line': "self.towers = [layers.Dense(units, activation='tanh', name=f'tower_{k}') for k in range(groups)]"},
             {'input': None, 'variable': None, 'layer': 'tower_0', 'op': None, 'line': None},
             {'input': None, 'variable': None, 'layer': 'sensors', 'op': None, 'line': None}],
}
