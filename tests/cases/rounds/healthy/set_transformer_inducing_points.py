"""Sets of varying size: induced attention, masked pooling by a learned seed, and a layer scale of 0.1."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'set_transformer_inducing_points'


@keras.saving.register_keras_serializable(package=PKG)
class Induced(keras.layers.Layer):
    def __init__(self, points, units=8, **kw):
        super().__init__(**kw)
        self.points, self.units = points, units
        self.q, self.k, self.v = (keras.layers.Dense(units, use_bias=False, name=n) for n in 'qkv')

    def build(self, shapes):
        self.seeds = self.add_weight(shape=(self.points, self.units), initializer=keras.initializers.RandomNormal(stddev=0.5, seed=4), name='seeds')
        self.layer_scale = self.add_weight(shape=(self.units,), initializer=keras.initializers.Constant(0.1), name='layer_scale')
        self.q.build((None, self.units))
        for layer in (self.k, self.v):
            layer.build(shapes[0])

    def call(self, inputs):
        x, mask = inputs
        q = self.q(self.seeds)
        score = tf.einsum('pd,bnd->bpn', q, self.k(x)) / self.units ** 0.5 + (mask[:, None, :] - 1.0) * 1e9
        return self.seeds + self.layer_scale * tf.matmul(tf.nn.softmax(score), self.v(x))

    def compute_output_shape(self, shapes):
        return (shapes[0][0], self.points, self.units)

    def get_config(self):
        return {**super().get_config(), 'points': self.points, 'units': self.units}


def build():
    keras.utils.set_random_seed(20)
    jets, real = keras.Input((10, 5), name='particles'), keras.Input((10,), name='is_real')
    x = keras.layers.Dense(8, activation='gelu', name='lift')(jets)
    x = Induced(4, name='pool')([x, real])
    x = keras.layers.Flatten(name='jet')(x)
    m = keras.Model({'particles': jets, 'is_real': real}, {'quark': keras.layers.Dense(1, activation='sigmoid', name='quark')(x), 'mass': keras.layers.Dense(1, activation='softplus', name='mass')(x)})
    m.compile('adam', {'quark': 'binary_crossentropy', 'mass': keras.losses.LogCosh()})
    return m


def sample():
    r = np.random.default_rng(20)
    real = (np.arange(10)[None] < r.integers(3, 11, (12, 1))).astype('float32')
    return {'particles': (r.normal(size=(12, 10, 5)) * real[..., None]).astype('float32'), 'is_real': real, 'y:quark': r.integers(0, 2, (12, 1)).astype('float32'), 'y:mass': r.gamma(2, 1, (12, 1)).astype('float32')}


NOTES = dict(family='physics', why_hard='queries are parameters and not inputs; masked entries get no gradient', legit_nongradient=[])
