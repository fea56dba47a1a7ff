"""Spiking classifier with a custom gradient for the spike and a detached reset."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'spiking_with_surrogate_gradient'


@tf.custom_gradient
def spike(v):
    def grad(up):
        return up / tf.square(1.0 + 4.0 * tf.abs(v))
    return tf.cast(v > 0, v.dtype), grad


@keras.saving.register_keras_serializable(package=PKG)
class SpikingLayer(keras.layers.Layer):
    def __init__(self, units, **kw):
        super().__init__(**kw)
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name='kernel')
        self.leak = self.add_weight(shape=(self.units,), initializer=keras.initializers.Constant(1.0), name='leak')

    def call(self, x):
        current = tf.einsum('btd,du->btu', x, self.kernel)
        v, out = tf.zeros_like(current[:, 0]), []
        for t in range(x.shape[1]):
            v = tf.sigmoid(self.leak) * v + current[:, t]
            s = spike(v - 0.3)
            v = v - 0.3 * tf.stop_gradient(s)
            out.append(s)
        return tf.stack(out, axis=1)

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), 'units': self.units}


def build():
    keras.utils.set_random_seed(13)
    events = keras.Input((9, 12), name='events')
    x = SpikingLayer(14, name='spiking_a')(events)
    x = SpikingLayer(10, name='spiking_b')(x)
    x = keras.layers.GlobalAveragePooling1D(name='rate')(x)
    m = keras.Model({'events': events}, keras.layers.Dense(3, name='gesture')(x))
    m.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return m


def sample():
    r = np.random.default_rng(13)
    return {'events': r.poisson(0.8, (10, 9, 12)).astype('float32'), 'y': r.integers(0, 3, 10).astype('int32')}


NOTES = dict(family='neuromorphic', why_hard='comparisons with a custom gradient, a stop_gradient in the reset as the literature recommends', legit_nongradient=[])
