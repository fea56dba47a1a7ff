"""Normalising flow with learned mixing matrices and couplings, trained by maximum likelihood; couplings start near the identity."""
import numpy as np
import tensorflow as tf
import keras


class Mixing(keras.layers.Layer):
    def __init__(self, seed, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed

    def build(self, shape):
        q, _ = np.linalg.qr(np.random.default_rng(self.seed).normal(size=(shape[-1], shape[-1])))
        self.kernel = self.add_weight(name='kernel', shape=q.shape, initializer=keras.initializers.Constant(q))

    def call(self, x):
        w = tf.convert_to_tensor(self.kernel)
        return tf.matmul(x, w), tf.linalg.slogdet(w)[1]


class Flow(keras.Model):
    def __init__(self, depth=3, **kwargs):
        super().__init__(**kwargs)
        self.mixing = [Mixing(i, name=f'mixing_{i}') for i in range(depth)]
        self.hidden = [keras.layers.Dense(16, activation='relu', name=f'hidden_{i}') for i in range(depth)]
        self.params = [keras.layers.Dense(4, kernel_initializer=keras.initializers.RandomNormal(stddev=0.01), name=f'params_{i}') for i in range(depth)]

    def call(self, x):
        volume = tf.zeros(tf.shape(x)[:1])
        for mix, hidden, params in zip(self.mixing, self.hidden, self.params):
            x, log_det = mix(x)
            a, b = tf.split(x, 2, axis=-1)
            scale, shift = tf.split(params(hidden(a)), 2, axis=-1)
            scale = tf.tanh(scale)
            x = tf.concat([a, b * tf.exp(scale) + shift], axis=-1)
            volume += tf.reduce_sum(scale, axis=-1) + log_det
        return x, volume


def build():
    keras.utils.set_random_seed(0)
    flow = Flow(name='flow')
    flow(tf.zeros((2, 4)))
    return {'flow': flow, 'optimizer': keras.optimizers.Adam(1e-3, clipnorm=5.0)}


def sample():
    r = np.random.default_rng(0)
    return {'x': (r.normal(size=(32, 4)) @ r.normal(size=(4, 4))).astype('float32')}


def models(built):
    return [built['flow']]


def step(built, sample):
    flow = built['flow']
    with tf.GradientTape() as tape:
        z, volume = flow(sample['x'], training=True)
        nll = -tf.reduce_mean(-0.5 * tf.reduce_sum(z ** 2, axis=-1) - 2.0 * np.log(2 * np.pi).astype('float32') + volume)
    built['optimizer'].apply_gradients(zip(tape.gradient(nll, flow.trainable_variables), flow.trainable_variables))
    return {'nll': nll}
