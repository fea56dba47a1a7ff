"""The bound of a gradient clipping layer is 1 // depth, which is zero."""
import numpy as np
import tensorflow as tf
import keras
from keras import layers as L, ops

keras.utils.set_random_seed(16)
reg = keras.saving.register_keras_serializable(package='m5_clip')


@reg
class ClipGradient(L.Layer):
    def __init__(self, bound, **kw):
        super().__init__(**kw)
        self.bound = bound

    def get_config(self):
        return {**super().get_config(), 'bound': self.bound}

    def call(self, x):
        bound = float(self.bound)

        @tf.custom_gradient
        def clipped(v):
            def grad(dy):
                return tf.clip_by_value(dy, -bound, bound)
            return tf.identity(v), grad
        return clipped(x)


DEPTH = 3


def net(bound):
    load, weather = keras.Input((16, 2), name='load'), keras.Input((4,), name='weather')
    h = load
    for i in range(DEPTH):
        h = L.Conv1D(6, 3, padding='causal', dilation_rate=2 ** i, activation='tanh', name=f'tcn_{i}')(h)
        h = ClipGradient(bound, name=f'clip_{i}')(h)
    h = L.Concatenate()([h[:, -1], L.Dense(4, activation='relu', name='weather_fc')(weather)])
    m = keras.Model([load, weather], {'mean': L.Dense(4, name='mean')(h), 'peak': L.Dense(1, name='peak')(h)})
    m.compile('adam', loss={'mean': 'mae', 'peak': 'mse'})
    return m


def build():
    return net(1 // DEPTH)


def fixed():
    return net(1 / DEPTH)


def sample():
    r = np.random.default_rng(0)
    return {'load': r.normal(size=(6, 16, 2)).astype('float32'), 'weather': r.normal(size=(6, 4)).astype('float32'),
            'y:mean': r.normal(size=(6, 4)).astype('float32'), 'y:peak': r.normal(size=(6, 1)).astype('float32')}


EXPECT = {
    'source': 'own', 'title': 'gradient clipping layer with bound 1 // depth', 'source_kind': 'own', 'category': 'zero_gradient',
    'culprit': {'input': 'load', 'variable': 'tcn_2/kernel', 'layer': 'clip_2', 'op': None, 'line': 'return net(1 // DEPTH)'},
    'why': '1 // 3 is 0, and clip_by_value(dy, 0, 0) makes every gradient zero.',
    'fix': '1 / DEPTH',
    'also': [{'op': None, 'layer': 'clip_2', 'line': 'return tf.clip_by_value(dy, -bound, bound)'}, {'op': 'IdentityN', 'layer': 'clip_2', 'line': None},
             {'op': None, 'layer': 'clip_2', 'line': 'return clipped(x)'}, {'op': None, 'layer': 'clip_2', 'line': "ClipGradient(bound, name=f'clip_{i}')"}, {'op': None, 'layer': 'clip_2', 'line': None},
             {'variable': 'tcn_0', 'op': None, 'layer': None, 'line': None}, {'variable': 'tcn_1', 'op': None, 'layer': None, 'line': None}],
}
