"""Inverse Burgers' equation: nested tapes, tanh network, the viscosity has its own optimizer and a persistent outer tape."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable('s3h')
class Burgers(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.net = keras.Sequential([keras.layers.Dense(16, activation='tanh', name='f0'), keras.layers.Dense(16, activation='tanh', name='f1'), keras.layers.Dense(1, name='u')])
        self.log_nu = self.add_weight(shape=(), initializer=keras.initializers.Constant(-2.), name='log_nu')

    def call(self, xt):
        return self.net(xt)


def build():
    keras.utils.set_random_seed(0)
    model = Burgers(name='burgers')
    model(tf.zeros((1, 2)))
    return {'model': model, 'net_opt': keras.optimizers.Adam(1e-3), 'nu_opt': keras.optimizers.SGD(1e-2)}


def sample():
    r = np.random.default_rng(0)
    xt = r.uniform(-1, 1, size=(32, 2)).astype('float32')
    d = r.uniform(-1, 1, size=(16, 2)).astype('float32')
    return {'xt': xt, 'data': d, 'u': -np.sin(np.pi * d[:, :1])}


def models(built):
    return [built['model']]


def step(built, sample):
    model, xt = built['model'], tf.constant(sample['xt'])
    with tf.GradientTape(persistent=True) as outer:
        with tf.GradientTape() as second:
            second.watch(xt)
            with tf.GradientTape() as first:
                first.watch(xt)
                u = model(xt)
            du = first.gradient(u, xt)
            u_x, u_t = du[:, :1], du[:, 1:]
        u_xx = second.gradient(u_x, xt)[:, :1]
        pde = u_t + u * u_x - tf.exp(model.log_nu) * u_xx
        loss = tf.reduce_mean(pde ** 2) + 10 * tf.reduce_mean((model(sample['data']) - sample['u']) ** 2)
    weights = model.net.trainable_variables
    built['net_opt'].apply_gradients(zip(outer.gradient(loss, weights), weights))
    built['nu_opt'].apply_gradients([(outer.gradient(loss, model.log_nu.value), model.log_nu)])
    del outer
    return loss
