"""Physics: the curvature of a beam's deflection is fitted to strain gauges, and the deflection network uses relu."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'beam_curvature_of_a_piecewise_linear_net'


@keras.saving.register_keras_serializable(package=PKG)
class BeamCurvature(keras.layers.Layer):
    def __init__(self, activation, **kw):
        super().__init__(**kw)
        self.activation = activation
        self.hidden = [keras.layers.Dense(16, activation=activation, name=f'hidden_{i}') for i in range(2)]
        self.deflection = keras.layers.Dense(1, use_bias=False, name='deflection')

    def build(self, shapes):
        self.hidden[0].build((None, 2))
        self.hidden[1].build((None, 16))
        self.deflection.build((None, 16))

    def call(self, inputs):
        x, load = inputs
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                h = tf.concat([x, load], axis=-1)
                for layer in self.hidden:
                    h = layer(h)
                w = self.deflection(h)
            slope = inner.gradient(w, x)
        return outer.gradient(slope, x)

    def compute_output_shape(self, shapes):
        return shapes[0]

    def get_config(self):
        return {**super().get_config(), 'activation': self.activation}


def net(activation):
    keras.utils.set_random_seed(17)
    x, load = keras.Input((1,), name='position'), keras.Input((1,), name='load')
    m = keras.Model({'position': x, 'load': load}, BeamCurvature(activation, name='beam')([x, load]))
    m.compile(keras.optimizers.Adam(1e-3), 'mse')
    return m


def build():
    return net('relu')


def fixed():
    return net('tanh')


def sample():
    r = np.random.default_rng(19)
    x, load = r.random((32, 1)), r.uniform(0.5, 1.5, (32, 1))
    return {'position': x.astype('float32'), 'load': load.astype('float32'), 'y': (load * x * (1 - x)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/lululxvi/deepxde/issues/80',
    'title': "Convergence issue of a PINN: don't use relu, which is not second order differentiable",
    'source_kind': 'variant',
    'category': 'zero_gradient',
    'culprit': {'input': 'position', 'variable': 'hidden_0/kernel', 'layer': 'beam', 'op': 'Relu', 'line': "return net('relu')"},
    'why': 'The second derivative of a piecewise linear function is zero everywhere: the prediction is 0 and so is every gradient.',
    'fix': 'Use a smooth activation such as tanh.',
}
EXPECT['also'] = [
    {'op': 'ReluGrad'}, {'op': None}, {'line': 'return outer.gradient(slope, x)', 'op': None}, {'line': 'slope = inner.gradient(w, x)', 'op': None},
    {'line': "self.hidden = [keras.layers.Dense(16, activation=activation, name=f'hidden_{i}') for i in range(2)]"}, {'line': 'h = layer(h)'},
    {'line': 'return outer.gradient(slope, x)', 'op': 'ReluGrad'}, {'line': 'slope = inner.gradient(w, x)', 'op': 'ReluGrad'}, {'line': 'h = layer(h)', 'op': None},
    {'layer': 'hidden_0'}, {'layer': 'hidden_1'}, {'input': 'load'}, {'input': None, 'variable': None}, {'variable': 'hidden_1'}, {'variable': 'deflection'},
    {'line': "m = keras.Model({'position': x, 'load': load}, BeamCurvature(activation, name='beam')([x, load]))", 'op': None},
]
