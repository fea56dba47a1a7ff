"""Hypernetwork that assigns the generated kernel to a Dense layer's variable before calling it."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='hypernetwork_assigns_filter_bank')


@reg
class GeneratedDense(L.Layer):
    def __init__(self, units, **kw):
        super().__init__(**kw)
        self.units = units
        self.generator = L.Dense(1, activation='tanh', name='generator')
        self.target = L.Dense(units, name='target')

    def build(self, shape):
        self.rows, d = shape[-1], 6
        self.code = self.add_weight(name='code', shape=(self.rows * self.units, d), initializer=keras.initializers.RandomNormal(seed=1))
        self.generator.build((self.rows * self.units, d))
        self.target.build(shape)

    def call(self, x):
        w = ops.reshape(self.generator(self.code), (self.rows, self.units))
        self.target.kernel.assign(w)
        return self.target(x)

    def get_config(self):
        return {**super().get_config(), 'units': self.units}


@reg
class FunctionalGeneratedDense(GeneratedDense):
    def __init__(self, units, **kw):
        super().__init__(units, **kw)
        self.target = L.Activation('linear')

    def call(self, x):
        w = ops.reshape(self.generator(self.code), (self.rows, self.units))
        return ops.matmul(x, w)


def net(layer):
    keras.utils.set_random_seed(27)
    s, t = keras.Input((12,), name='spectrum'), keras.Input((1,), name='temperature')
    h = L.Concatenate()([s, L.Dense(2, activation='relu', name='temperature_net')(t)])
    h = L.LeakyReLU()(layer(8, name='bank')(h))
    m = keras.Model({'spectrum': s, 'temperature': t}, L.Dense(1, name='moisture')(h))
    m.compile('adam', 'mse')
    return m


def build():
    return net(GeneratedDense)


def fixed():
    return net(FunctionalGeneratedDense)


def sample():
    r = np.random.default_rng(16)
    return {'spectrum': r.random((16, 12)).astype('float32'), 'temperature': r.normal(1, .3, (16, 1)).astype('float32'), 'y': r.normal(size=(16, 1)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/4789', 'title': "How could i predict a layer's weights using the output of another network in an end to end way?", 'source_kind': 'variant', 'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'code', 'layer': 'bank', 'op': None, 'line': 'self.target.kernel.assign(w)'},
    'why': 'assign() stores the value only: the kernel gets the gradient (and is overwritten), the generator and its code get none.', 'fix': 'Multiply by the generated tensor itself.',
    'also': [{'variable': 'generator'}, {'variable': 'generator', 'layer': 'generator', 'line': None}, {'variable': 'code', 'line': None}, {'variable': None, 'op': 'AssignVariableOp'}, {'variable': 'target', 'layer': None}, {'variable': None, 'line': 'return self.target(x)'}, {'variable': None, 'line': 'w = ops.reshape(self.generator('}],
}
