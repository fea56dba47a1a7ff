"""Physics-informed net with relu: its second derivative is zero, so the residual of the heat equation trains nothing."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L
reg = keras.saving.register_keras_serializable(package='heat_equation_solver_with_relu')


@reg
class Curvature(L.Layer):
    def __init__(self, field, **kw):
        super().__init__(**kw)
        self.field = field

    def call(self, x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                u = self.field(x)
            du = inner.gradient(u, x)
        return outer.gradient(du, x)

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        return {**super().get_config(), 'field': keras.saving.serialize_keras_object(self.field)}

    @classmethod
    def from_config(cls, cfg):
        cfg['field'] = keras.saving.deserialize_keras_object(cfg['field'])
        return cls(**cfg)


def net(act):
    keras.utils.set_random_seed(25)
    field = keras.Sequential([keras.Input((1,)), L.Dense(16, activation=act, name='u1'), L.Dense(16, activation=act, name='u2'), L.Dense(1, name='u3')], name='temperature')
    x, e, q = keras.Input((1,), name='interior'), keras.Input((1,), name='edge'), keras.Input((1,), name='source')
    res = L.Add(name='residual')([Curvature(field, name='curvature')(x), q])
    m = keras.Model({'interior': x, 'edge': e, 'source': q}, {'residual': res, 'edge_value': L.Identity(name='edge_value')(field(e))})
    m.compile('adam', loss={'residual': 'mse', 'edge_value': 'mse'})
    return m


def build():
    return net('relu')


def fixed():
    return net('tanh')


def sample():
    r = np.random.default_rng(14)
    x = r.uniform(0, 1, (16, 1)).astype('float32')
    e = r.integers(0, 2, (16, 1)).astype('float32')
    return {'interior': x, 'edge': e, 'source': np.sin(np.pi * x).astype('float32'), 'y:residual': np.zeros((16, 1), 'float32'), 'y:edge_value': .3 * e}


EXPECT = {
    'source': 'https://github.com/lululxvi/deepxde/issues/80', 'title': "Convergence issue on Navier-Stokes: don't use relu, it is not second order differentiable", 'source_kind': 'variant', 'category': 'zero_gradient',
    'culprit': {'input': 'interior', 'variable': None, 'layer': 'curvature', 'op': 'ReluGrad', 'line': "return net('relu')"},
    'why': 'A relu net is piecewise linear: u_xx is 0 everywhere, the residual is a constant and only the boundary is learned.', 'fix': 'A smooth activation.',
    'also': [{'layer': 'curvature', 'op': None, 'line': 'return outer.gradient(du, x)'}, {'layer': 'curvature', 'op': None, 'line': None}, {'layer': 'u1', 'op': None, 'line': None}, {'layer': 'u2', 'op': None, 'line': None}, {'layer': None, 'op': None, 'line': 'field = keras.Sequential(['},
             {'layer': None, 'op': 'ReluGrad', 'line': None}, {'layer': None, 'op': 'Relu', 'line': None}, {'layer': None, 'op': None, 'line': "Curvature(field, name='curvature')"}, {'layer': None, 'op': None, 'line': 'du = inner.gradient(u, x)'}],
}
