"""Interatomic potential: energies and forces are fitted, the forces are differentiated under the outer tape."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable(package='S5h')
class Radial(keras.layers.Layer):
    def call(self, positions):
        n = positions.shape[1]
        diff = positions[:, :, None] - positions[:, None]
        d2 = tf.reduce_sum(tf.square(diff), -1) + tf.eye(n)
        d = tf.sqrt(d2)
        cutoff = tf.where(d < 3., 0.5 * (tf.cos(np.pi * d / 3.) + 1.), 0.) * (1. - tf.eye(n))
        basis = tf.exp(-4. * tf.square(d[..., None] - tf.linspace(0.5, 3., 8)))
        return tf.reduce_sum(basis * cutoff[..., None], 2)


def build():
    keras.utils.set_random_seed(116)
    p = keras.Input((4, 3), name='positions')
    h = keras.layers.Dense(16, activation='softplus', name='atom_h')(Radial(name='radial')(p))
    e = keras.layers.Dense(1, name='atom_e')(h)
    e = keras.layers.GlobalAveragePooling1D(name='molecule')(e)
    return {'net': keras.Model(p, e, name='potential'), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(116)
    return {'positions': r.normal(size=(6, 4, 3)).astype('float32'), 'y': r.normal(size=(6, 1)).astype('float32'), 'forces': r.normal(size=(6, 4, 3)).astype('float32')}


def models(built):
    return [built['net']]


def energy_and_forces(net, positions):
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(positions)
        energy = net(positions, training=True)
    return energy, -tape.gradient(energy, positions)


def step(built, sample):
    net = built['net']
    positions = tf.convert_to_tensor(sample['positions'])
    with tf.GradientTape(persistent=True) as tape:
        energy, forces = energy_and_forces(net, positions)
        energy_loss = tf.reduce_mean(tf.square(energy - sample['y']))
        force_loss = tf.reduce_mean(tf.square(forces - sample['forces']))
        loss = 0.1 * energy_loss + force_loss
        with tape.stop_recording():
            share = tape.gradient(energy_loss, net.trainable_variables[0])
    gradients = tape.gradient(loss, net.trainable_variables)
    del tape
    built['optimizer'].apply_gradients(zip(gradients, net.trainable_variables))
    return {'loss': loss, 'energy_share': tf.norm(share)}


NOTES = dict(family='physics', why_hard='second order; stop_recording around a diagnostic', legit_nongradient=[])
