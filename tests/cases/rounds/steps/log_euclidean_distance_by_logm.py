"""Covariances compared in the log-Euclidean metric: the matrix logarithm of TensorFlow has no gradient."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    net = keras.Sequential([keras.Input((20, 6), name='signals'), keras.layers.Conv1D(3, 3, padding='same', name='spatial_filter')], name='covariance_net')
    head = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, name='scale')], name='head')
    return {'net': net, 'head': head, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'signals': r.normal(size=(4, 20, 6)).astype('float32'), 'reference': np.tile(np.eye(3, dtype='float32') * 1.5, (4, 1, 1)),
            'y': r.uniform(size=(4, 1)).astype('float32')}


def models(built):
    return [built['net'], built['head']]


def covariance(x):
    x = x - tf.reduce_mean(x, axis=1, keepdims=True)
    return tf.matmul(x, x, transpose_a=True) / float(x.shape[1]) + 0.1 * tf.eye(x.shape[-1])


def step(built, sample):
    variables = built['net'].trainable_variables + built['head'].trainable_variables
    with tf.GradientTape() as tape:
        c = covariance(built['net'](sample['signals'], training=True))
        log_c = tf.math.real(tf.linalg.logm(tf.cast(c, tf.complex64)))
        log_r = tf.math.real(tf.linalg.logm(tf.cast(sample['reference'], tf.complex64)))
        distance = tf.reduce_sum(tf.square(log_c - log_r), axis=-1)
        loss = tf.reduce_mean(tf.square(built['head'](distance, training=True) - sample['y']))
    gradients = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients(zip(gradients, variables))
    return {'loss': loss}


def log_of_symmetric(matrix):
    values, vectors = tf.linalg.eigh(matrix)
    return tf.matmul(vectors * tf.math.log(values)[:, None, :], vectors, transpose_b=True)


def fixed_step(built, sample):
    both = built['net'].trainable_variables + built['head'].trainable_variables
    with tf.GradientTape() as tape:
        filtered = built['net'](sample['signals'], training=True)
        gap = log_of_symmetric(covariance(filtered)) - log_of_symmetric(tf.convert_to_tensor(sample['reference']))
        loss = tf.reduce_mean(tf.square(built['head'](tf.reduce_sum(tf.square(gap), axis=-1), training=True) - sample['y']))
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, both), both))
    return {'loss': loss}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/26321',
    'title': "LookupError: No gradient defined for operation 'MatrixLogarithm'",
    'source_kind': 'report',
    'category': 'nondifferentiable_op',
    'culprit': {'input': None, 'variable': 'spatial_filter', 'layer': None, 'op': 'MatrixLogarithm',
                'line': 'log_c = tf.math.real(tf.linalg.logm(tf.cast(c, tf.complex64)))'},
    'why': 'MatrixLogarithm has no registered gradient; tape.gradient raises LookupError.',
    'fix': 'Take the logarithm of the eigenvalues of the symmetric matrix.',
}
EXPECT['also'] = [
    {'variable': None, 'line': 'tf.linalg.logm(tf.cast(c, tf.complex64))'},
    {'variable': 'spatial_filter', 'op': None, 'line': 'tf.linalg.logm(tf.cast(c, tf.complex64))'},
    {'variable': None, 'line': 'gradients = tape.gradient(loss, variables)'},
]
