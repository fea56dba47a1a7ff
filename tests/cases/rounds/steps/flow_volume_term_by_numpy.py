"""Normalising flow: the log-determinant of the mixing matrix is computed by NumPy, so the matrix never sees it."""
import numpy as np
import tensorflow as tf
import keras


class Mixing(keras.Model):
    def __init__(self, channels=4, **kwargs):
        super().__init__(**kwargs)
        q, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(channels, channels)))
        self.kernel = self.add_weight(name='mixing_kernel', shape=(channels, channels), initializer=keras.initializers.Constant(q))
        self.built = True

    def call(self, x):
        return tf.matmul(x, tf.convert_to_tensor(self.kernel))


def build():
    keras.utils.set_random_seed(0)
    a = keras.Input((2,), name='half')
    h = keras.layers.Dense(16, activation='relu', name='coupling_hidden')(a)
    coupling = keras.Model(a, [keras.layers.Dense(2, activation='tanh', name='coupling_scale')(h),
                               keras.layers.Dense(2, name='coupling_shift')(h)], name='coupling')
    return {'mixing': Mixing(name='mixing'), 'coupling': coupling, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'x': (r.normal(size=(32, 4)) @ r.normal(size=(4, 4))).astype('float32')}


def models(built):
    return [built['mixing'], built['coupling']]


def normal_log_prob(z):
    return -0.5 * tf.reduce_sum(z ** 2 + np.log(2 * np.pi).astype('float32'), axis=-1)


def step(built, sample):
    variables = built['mixing'].trainable_variables + built['coupling'].trainable_variables
    with tf.GradientTape() as tape:
        mixed = built['mixing'](sample['x'])
        log_det = np.linalg.slogdet(built['mixing'].kernel.numpy())[1]
        a, b = tf.split(mixed, 2, axis=-1)
        scale, shift = built['coupling'](a, training=True)
        z = tf.concat([a, b * tf.exp(scale) + shift], axis=-1)
        nll = -tf.reduce_mean(normal_log_prob(z) + tf.reduce_sum(scale, axis=-1) + log_det)
    grads = tape.gradient(nll, variables)
    built['optimizer'].apply_gradients(zip(grads, variables))
    return {'nll': nll}


def fixed_step(built, sample):
    variables = built['mixing'].trainable_variables + built['coupling'].trainable_variables
    with tf.GradientTape() as tape:
        mixed = built['mixing'](sample['x'])
        log_det = tf.linalg.slogdet(tf.convert_to_tensor(built['mixing'].kernel))[1]
        a, b = tf.split(mixed, 2, axis=-1)
        scale, shift = built['coupling'](a, training=True)
        z = tf.concat([a, b * tf.exp(scale) + shift], axis=-1)
        nll = -tf.reduce_mean(normal_log_prob(z) + tf.reduce_sum(scale, axis=-1) + log_det)
    grads = tape.gradient(nll, variables)
    built['optimizer'].apply_gradients(zip(grads, variables))
    return {'nll': nll}


LINE = "log_det = np.linalg.slogdet(built['mixing'].kernel.numpy())[1]"
EXPECT = {
    'source': 'own', 'title': 'log|det W| by NumPy in a Glow step', 'source_kind': 'own',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'mixing_kernel', 'layer': None, 'op': None, 'line': LINE},
    'why': 'The volume term is a constant for the tape; the likelihood then pulls the matrix towards zero with nothing to hold it.',
    'fix': 'tf.linalg.slogdet.',
}
EXPECT['also'] = [{'line': LINE}, {'layer': 'mixing', 'line': LINE},
                  {'variable': 'mixing_kernel', 'line': 'nll = -tf.reduce_mean(normal_log_prob(z) + tf.reduce_sum(scale, axis=-1) + log_det)'}]
