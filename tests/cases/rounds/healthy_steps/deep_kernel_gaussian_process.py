"""A Gaussian process on learned features: negative log marginal likelihood through a Cholesky factor with jitter."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable('fresh_s7')
class Kernel(keras.layers.Layer):
    def build(self, shape):
        self.raw_noise = self.add_weight(name='raw_noise', shape=(), initializer=keras.initializers.Constant(-1.0))
        self.raw_scale = self.add_weight(name='raw_scale', shape=(shape[-1],), initializer='zeros')
        self.raw_amplitude = self.add_weight(name='raw_amplitude', shape=(), initializer='zeros')

    def call(self, h):
        h = h / tf.math.softplus(self.raw_scale)
        squared = tf.reduce_sum(tf.square(h[:, None] - h[None]), -1)
        k = tf.math.softplus(self.raw_amplitude) * tf.exp(-0.5 * squared)
        return k + (tf.math.softplus(self.raw_noise) + 1e-4) * tf.eye(tf.shape(h)[0])


def build():
    keras.utils.set_random_seed(7)
    x = keras.Input((3,))
    h = keras.layers.Dense(2, use_bias=False, name='latent')(keras.layers.Dense(8, 'tanh', name='hidden')(x))
    kernel = Kernel(name='kernel')
    kernel.build((None, 2))
    return {'features': keras.Model(x, h, name='features'), 'kernel': kernel, 'optimizer': keras.optimizers.Adam(1e-2)}


def sample():
    r = np.random.default_rng(0)
    x = r.normal(size=(12, 3)).astype('float32')
    return {'x': x, 'y': np.sin(x[:, :1] * 2) + 0.1 * r.normal(size=(12, 1)).astype('float32')}


def models(built):
    return [built['features'], built['kernel']]


def step(built, sample):
    with tf.GradientTape() as tape:
        k = built['kernel'](built['features'](sample['x'], training=True))
        factor = tf.linalg.cholesky(k)
        alpha = tf.linalg.cholesky_solve(factor, sample['y'])
        loss = 0.5 * tf.reduce_sum(sample['y'] * alpha) + tf.reduce_sum(tf.math.log(tf.linalg.diag_part(factor))) + 6.0 * np.log(2 * np.pi)
    weights = built['features'].trainable_variables + built['kernel'].trainable_variables
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'loss': loss}
