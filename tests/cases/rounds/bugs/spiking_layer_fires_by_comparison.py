"""Spiking network for an event camera: the spike is a comparison of the membrane with the threshold, without a surrogate gradient."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'spiking_layer_fires_by_comparison'


@keras.saving.register_keras_serializable(package=PKG)
class LIF(keras.layers.Layer):
    def __init__(self, decay=0.8, threshold=0.5, **kw):
        super().__init__(**kw)
        self.decay, self.threshold = decay, threshold

    def fire(self, membrane):
        return tf.cast(membrane > self.threshold, membrane.dtype)

    def call(self, current):
        membrane = tf.zeros_like(current[:, 0])
        spikes = []
        for t in range(current.shape[1]):
            membrane = self.decay * membrane + current[:, t]
            spike = self.fire(membrane)
            membrane = membrane - spike * self.threshold
            spikes.append(spike)
        return tf.stack(spikes, axis=1)

    def get_config(self):
        return {**super().get_config(), 'decay': self.decay, 'threshold': self.threshold}


@tf.custom_gradient
def surrogate(distance):
    def grad(upstream):
        return upstream / tf.square(1.0 + 5.0 * tf.abs(distance))
    return tf.cast(distance > 0, distance.dtype), grad


@keras.saving.register_keras_serializable(package=PKG)
class SurrogateLIF(LIF):
    def fire(self, membrane):
        return surrogate(membrane - self.threshold)


def net(neuron):
    keras.utils.set_random_seed(16)
    events = keras.Input((10, 18), name='events')
    x = keras.layers.Dense(14, name='synapses')(events)
    x = neuron(x)
    rate = keras.layers.GlobalAveragePooling1D(name='rate')(x)
    m = keras.Model({'events': events}, keras.layers.Dense(3, name='gesture')(rate))
    m.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return m


def build():
    return net(LIF(name='neuron'))


def fixed():
    return net(SurrogateLIF(name='neuron'))


def sample():
    r = np.random.default_rng(18)
    return {'events': r.poisson(0.7, (8, 10, 18)).astype('float32'), 'y': r.integers(0, 3, 8).astype('int32')}


EXPECT = {
    'source': 'https://github.com/keras-team/keras-contrib/issues/552',
    'title': 'How to write the firing function of a spiking network (comparison forward, window backward) in Keras',
    'source_kind': 'variant',
    'category': 'nondifferentiable_op',
    'culprit': {'input': 'events', 'variable': 'synapses/kernel', 'layer': 'neuron', 'op': 'Greater', 'line': 'return tf.cast(membrane > self.threshold, membrane.dtype)'},
    'why': 'A comparison has no gradient; the spikes are the only way to the output, so the synapses are never trained.',
    'fix': 'Give the spike a surrogate gradient.',
}
EXPECT['also'] = [{'op': 'Cast'}, {'op': None}, {'line': 'spike = self.fire(membrane)'}, {'line': 'x = neuron(x)', 'op': None}, {'variable': None}, {'input': None},
                  {'line': 'spike = self.fire(membrane)', 'op': 'Cast'}]
