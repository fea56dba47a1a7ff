"""Force matching: the tape of the weights is paused while the forces are differentiated."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable(package='S5')
class PairFeatures(keras.layers.Layer):
    def call(self, positions):
        diff = positions[:, :, None, :] - positions[:, None, :, :]
        d = tf.sqrt(tf.reduce_sum(tf.square(diff), -1) + 1e-3)
        return tf.exp(-tf.square(d[..., None] - tf.linspace(0.2, 2.5, 8)))


def build():
    keras.utils.set_random_seed(15)
    p = keras.Input((5, 3), name='positions')
    h = PairFeatures(name='pairs')(p)
    h = keras.layers.Dense(16, activation='tanh', name='pair_hidden')(h)
    h = keras.layers.Dense(1, use_bias=False, name='pair_energy')(h)
    energy = keras.layers.Lambda(lambda t: tf.reduce_sum(t, [1, 2, 3]), output_shape=(), name='total')(h)
    return {'potential': keras.Model(p, energy, name='potential'), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(15)
    return {'positions': r.normal(size=(6, 5, 3)).astype('float32'), 'y': r.normal(size=(6, 5, 3)).astype('float32')}


def models(built):
    return [built['potential']]


def step(built, sample):
    potential, optimizer = built['potential'], built['optimizer']
    positions = tf.convert_to_tensor(sample['positions'])
    with tf.GradientTape(persistent=True) as weights_tape:
        with tf.GradientTape() as position_tape:
            position_tape.watch(positions)
            energy = potential(positions, training=True)
        with weights_tape.stop_recording():
            forces = -position_tape.gradient(energy, positions)
        loss = tf.reduce_mean(keras.losses.huber(sample['y'], forces))
    gradients = weights_tape.gradient(loss, potential.trainable_variables)
    del weights_tape
    optimizer.apply_gradients(zip(gradients, potential.trainable_variables))
    return {'force_loss': loss, 'energy': tf.reduce_mean(energy)}


def fixed_step(built, sample):
    potential, optimizer = built['potential'], built['optimizer']
    positions = tf.convert_to_tensor(sample['positions'])
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(positions)
            energy = potential(positions, training=True)
        negative = -inner.gradient(energy, positions)
        loss = tf.reduce_mean(keras.losses.huber(sample['y'], negative))
    updates = outer.gradient(loss, potential.trainable_variables)
    optimizer.apply_gradients(zip(updates, potential.trainable_variables))
    return {'force_loss': loss, 'energy': tf.reduce_mean(energy)}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/41510',
    'title': 'Gradient operation not taped: the gradient of a gradient is None',
    'source_kind': 'variant', 'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'pair_hidden/kernel', 'layer': None, 'op': None, 'line': 'with weights_tape.stop_recording():'},
    'why': 'The differentiation itself has to be recorded for the second derivative.',
    'fix': 'Do not pause the outer tape.',
    'also': [{'input': None, 'variable': 'pair_', 'layer': None, 'op': None, 'line': 'forces = -position_tape.gradient(energy, positions)'},
             {'input': None, 'variable': 'pair_', 'layer': None, 'op': None, 'line': 'loss = tf.reduce_mean(keras.losses.huber(sample'},
             {'input': None, 'variable': 'pair_', 'layer': None, 'op': None, 'line': 'gradients = weights_tape.gradient(loss, potential.trainable_variables)'}],
}
