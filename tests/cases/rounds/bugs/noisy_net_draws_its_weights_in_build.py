"""Noisy dense layer of a Q-network that combines mean, deviation and noise in build() instead of call()."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L
reg = keras.saving.register_keras_serializable(package='noisy_net_draws_its_weights_in_build')


@reg
class NoisyDense(L.Layer):
    def __init__(self, units, **kw):
        super().__init__(**kw)
        self.units = units

    def build(self, shape):
        d = shape[-1]
        init = keras.initializers.RandomUniform(-d ** -.5, d ** -.5, seed=4)
        self.w_mu = self.add_weight(name='w_mu', shape=(d, self.units), initializer=init)
        self.w_sigma = self.add_weight(name='w_sigma', shape=(d, self.units), initializer=keras.initializers.Constant(.5 * d ** -.5))
        self.b_mu = self.add_weight(name='b_mu', shape=(self.units,), initializer=init)
        self.b_sigma = self.add_weight(name='b_sigma', shape=(self.units,), initializer=keras.initializers.Constant(.5 * d ** -.5))
        self.eps_w = np.random.default_rng(5).normal(size=(d, self.units)).astype('float32')
        self.eps_b = np.random.default_rng(6).normal(size=(self.units,)).astype('float32')
        self.prepare()

    def prepare(self):
        self.kernel = self.w_mu + self.w_sigma * self.eps_w
        self.bias = self.b_mu + self.b_sigma * self.eps_b

    def call(self, x):
        return tf.matmul(x, self.kernel) + self.bias

    def get_config(self):
        return {**super().get_config(), 'units': self.units}


@reg
class NoisyDenseCall(NoisyDense):
    def prepare(self):
        pass

    def call(self, x):
        return tf.matmul(x, self.w_mu + self.w_sigma * self.eps_w) + self.b_mu + self.b_sigma * self.eps_b


def net(layer):
    keras.utils.set_random_seed(13)
    o, a = keras.Input((6,), name='obs'), keras.Input((3,), name='last_action')
    h = L.Dense(16, activation='relu', name='torso')(L.Concatenate()([o, a]))
    m = keras.Model({'obs': o, 'last_action': a}, layer(3, name='noisy_q')(h))
    m.compile('adam', 'huber')
    return m


def build():
    return net(NoisyDense)


def fixed():
    return net(NoisyDenseCall)


def sample():
    r = np.random.default_rng(2)
    return {'obs': r.normal(size=(16, 6)).astype('float32'), 'last_action': np.eye(3, dtype='float32')[r.integers(0, 3, 16)],
            'y': r.normal(size=(16, 3)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/32729', 'title': 'Variable noisy_dense/bias has `None` for gradient',
    'source_kind': 'variant', 'category': 'disconnected_variable',
    'culprit': {'input': None, 'variable': 'w_mu', 'layer': 'noisy_q', 'op': None, 'line': 'self.kernel = self.w_mu + self.w_sigma * self.eps_w'},
    'why': 'build() runs once, so call() reads a constant tensor that no longer depends on the variables.', 'fix': 'Combine them in call().',
    'also': [{'variable': 'b_mu', 'line': 'self.bias = self.b_mu + self.b_sigma * self.eps_b'}, {'variable': 'w_sigma', 'line': None}, {'variable': 'b_sigma', 'line': None},
             {'variable': 'w_mu', 'line': None}, {'variable': 'b_mu', 'line': None}, {'layer': 'noisy_q', 'line': 'return tf.matmul(x, self.kernel) + self.bias'}, {'layer': 'noisy_q', 'line': 'self.prepare()'},
             {'layer': 'noisy_q', 'line': "layer(3, name='noisy_q')"}],
}
