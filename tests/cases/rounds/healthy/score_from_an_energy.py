"""Energy model: the prediction is minus the gradient of a scalar energy with respect to the input (denoising score matching)."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'score_from_an_energy'


@keras.saving.register_keras_serializable(package=PKG)
class Score(keras.layers.Layer):
    def __init__(self, units=20, **kw):
        super().__init__(**kw)
        self.units = units
        self.a = keras.layers.Dense(units, activation='softplus', name='a')
        self.b = keras.layers.Dense(units, activation='softplus', name='b')

    def build(self, shapes):
        d = shapes[0][-1]
        self.a.build((None, d + 1))
        self.b.build((None, self.units))
        self.out = self.add_weight(shape=(self.units, 1), name='out')
        self.well = self.add_weight(shape=(), initializer='ones', name='well')

    def call(self, inputs):
        x, sigma = inputs
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            h = self.b(self.a(tf.concat([x, tf.math.log(sigma)], axis=-1)))
            energy = tf.matmul(h, self.out)[:, 0] + 0.5 * self.well * tf.reduce_sum(tf.square(x), axis=-1)
        return -tape.gradient(energy, x) / sigma

    def compute_output_shape(self, shapes):
        return shapes[0]

    def get_config(self):
        return {**super().get_config(), 'units': self.units}


def build():
    keras.utils.set_random_seed(10)
    x, sigma = keras.Input((4,), name='noisy'), keras.Input((1,), name='sigma')
    m = keras.Model({'noisy': x, 'sigma': sigma}, Score(name='score')([x, sigma]))
    m.compile(keras.optimizers.Adam(1e-3), 'mse')
    return m


def sample():
    r = np.random.default_rng(10)
    clean, noise, sigma = r.normal(size=(24, 4)), r.normal(size=(24, 4)), r.uniform(0.2, 1.0, (24, 1))
    return {'noisy': (clean + sigma * noise).astype('float32'), 'sigma': sigma.astype('float32'), 'y': (-noise / sigma).astype('float32')}


NOTES = dict(family='energy model', why_hard='a tape inside of call that does not watch variables; second-order gradients; the energy has no bias', legit_nongradient=[])
