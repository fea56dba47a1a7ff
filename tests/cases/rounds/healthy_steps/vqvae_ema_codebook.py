"""VQ-VAE whose codebook is moved by exponential averages, not by a gradient; encoder by straight-through."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((24, 2), name='x')
    h = keras.layers.Conv1D(8, 4, strides=2, padding='same', activation='gelu', name='e0')(x)
    enc = keras.Model(x, keras.layers.Conv1D(4, 1, name='e1')(h), name='encoder')
    z = keras.Input((12, 4), name='z')
    h = keras.layers.Conv1DTranspose(8, 4, strides=2, padding='same', activation='gelu', name='d0')(z)
    dec = keras.Model(z, keras.layers.Conv1D(2, 1, name='d1')(h), name='decoder')
    codes = tf.random.stateless_normal((8, 4), (1, 1)) * 0.3
    return {'enc': enc, 'dec': dec, 'codes': tf.Variable(codes, trainable=False), 'count': tf.Variable(tf.ones(8), trainable=False),
            'total': tf.Variable(codes, trainable=False), 'opt': keras.optimizers.Adam(1e-3)}


def sample():
    return {'x': np.random.default_rng(0).normal(size=(8, 24, 2)).astype('float32')}


def models(built):
    return [built['enc'], built['dec']]


def step(built, sample):
    enc, dec, codes = built['enc'], built['dec'], built['codes']
    variables = enc.trainable_variables + dec.trainable_variables
    with tf.GradientTape() as tape:
        z = enc(sample['x'], training=True)
        index = tf.argmin(tf.reduce_sum((z[..., None, :] - codes) ** 2, -1), -1)
        q = tf.gather(codes, index)
        recon = dec(z + tf.stop_gradient(q - z), training=True)
        loss = tf.reduce_mean((recon - sample['x']) ** 2) + 0.25 * tf.reduce_mean((z - tf.stop_gradient(q)) ** 2)
    built['opt'].apply_gradients(zip(tape.gradient(loss, variables), variables))
    hot = tf.one_hot(tf.reshape(index, [-1]), 8)
    built['count'].assign(0.9 * built['count'] + 0.1 * tf.reduce_sum(hot, 0))
    built['total'].assign(0.9 * built['total'] + 0.1 * tf.matmul(hot, tf.reshape(z, [-1, 4]), transpose_a=True))
    codes.assign(built['total'] / (built['count'][:, None] + 1e-5))
    return loss
