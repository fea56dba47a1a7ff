"""Contractive autoencoder with a batch Jacobian of the code, and a decoder that shares the encoder's transposed kernel."""
import numpy as np
import tensorflow as tf
import keras


class Tied(keras.Model):
    def __init__(self, pixels=36, codes=5, **kwargs):
        super().__init__(**kwargs)
        self.kernel = self.add_weight(name='tied_kernel', shape=(pixels, codes), initializer='glorot_uniform')
        self.code_bias = self.add_weight(name='code_bias', shape=(codes,), initializer='zeros')
        self.pixel_bias = self.add_weight(name='pixel_bias', shape=(pixels,), initializer='zeros')
        self.built = True

    def encode(self, x):
        return tf.sigmoid(tf.matmul(x, self.kernel) + self.code_bias)

    def call(self, x):
        return tf.matmul(self.encode(x), self.kernel, transpose_b=True) + self.pixel_bias


def build():
    keras.utils.set_random_seed(0)
    return {'net': Tied(name='tied'), 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    return {'image': np.random.default_rng(0).uniform(size=(8, 36)).astype('float32')}


def models(built):
    return [built['net']]


def step(built, sample):
    net = built['net']
    image = tf.convert_to_tensor(sample['image'])
    with tf.GradientTape() as tape:
        with tf.GradientTape() as inner:
            inner.watch(image)
            code = net.encode(image)
        jacobian = inner.batch_jacobian(code, image)
        loss = tf.reduce_mean((net(image) - image) ** 2) + 0.1 * tf.reduce_mean(tf.reduce_sum(jacobian ** 2, axis=[1, 2]))
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
    return {'loss': loss}
