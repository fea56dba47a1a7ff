"""Inverse heat equation: the network is a stack of ReLUs, so u_xx is zero everywhere and the diffusivity is never learned."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable('s3')
class HeatNet(keras.Model):
    def __init__(self, activation='tanh', **kwargs):
        super().__init__(**kwargs)
        self.activation = activation
        self.hidden = [keras.layers.Dense(24, activation=activation, name=f'fc{i}') for i in range(3)]
        self.head = keras.layers.Dense(1, name='u')
        self.log_diffusivity = self.add_weight(shape=(), initializer='zeros', name='log_diffusivity')

    def call(self, xt):
        for layer in self.hidden:
            xt = layer(xt)
        return self.head(xt)

    def get_config(self):
        return {**super().get_config(), 'activation': self.activation}


def make(activation):
    keras.utils.set_random_seed(0)
    net = HeatNet(activation, name='heat')
    net(tf.zeros((1, 2)))
    return {'net': net, 'optimizer': keras.optimizers.Adam(1e-3)}


def build():
    return make('relu')


def fixed():
    return make('tanh')


def sample():
    r = np.random.default_rng(0)
    x, t, xd, td = r.uniform(0, 1, (4, 40, 1)).astype('float32')
    return {'x': x, 't': t, 'x_data': xd, 't_data': td, 'u_data': (np.exp(-0.3 * np.pi ** 2 * td) * np.sin(np.pi * xd)).astype('float32')}


def models(built):
    return [built['net']]


def residual(net, x, t):
    with tf.GradientTape() as second:
        second.watch(x)
        with tf.GradientTape(persistent=True) as first:
            first.watch([x, t])
            u = net(tf.concat([x, t], 1))
        u_x, u_t = first.gradient(u, x), first.gradient(u, t)
    u_xx = second.gradient(u_x, x)
    return u_t - tf.exp(net.log_diffusivity) * u_xx


def step(built, sample):
    net = built['net']
    with tf.GradientTape() as tape:
        pde = residual(net, tf.constant(sample['x']), tf.constant(sample['t']))
        data = net(tf.concat([sample['x_data'], sample['t_data']], 1)) - sample['u_data']
        loss = tf.reduce_mean(pde ** 2) + tf.reduce_mean(data ** 2)
    grads = tape.gradient(loss, net.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, net.trainable_variables))
    return loss


def fixed_step(built, sample):
    return step(built, sample)

EXPECT = {
    'source': 'https://coderapp.vercel.app/answer/78712449',
    'title': 'TensorFlow second derivative calculation always returns zero in Quantum PINN solver', 'source_kind': 'variant', 'category': 'zero_gradient',
    'culprit': {'input': None, 'variable': 'log_diffusivity', 'layer': None, 'op': None, 'line': "return make('relu')"},
    'why': 'A ReLU network is piecewise linear: its second derivative is zero, the diffusion term vanishes and its coefficient gets a zero gradient.',
    'fix': 'Use a smooth activation such as tanh.',
    'also': [{'variable': 'log_diffusivity', 'line': 'u_xx = second.gradient(u_x, x)'}, {'variable': 'log_diffusivity', 'line': 'keras.layers.Dense(24, activation=activation'},
             {'variable': 'log_diffusivity', 'op': 'ReluGrad', 'line': None}, {'variable': 'log_diffusivity', 'op': 'Relu', 'line': None},
             {'variable': 'log_diffusivity', 'layer': 'fc', 'line': None}, {'line': 'return u_t - tf.exp(net.log_diffusivity) * u_xx', 'variable': 'log_diffusivity'},
             {'line': 'xt = layer(xt)', 'variable': None}],
    'symptom': [('unmoved', 'log_diffusivity')],
}
