"""Straight-through Gumbel-softmax bottleneck: hard codes forwards, soft gradient backwards."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h_gumbel')


@reg
class GumbelCode(L.Layer):
    def __init__(self, tau=0.8, seed=5, **kw):
        super().__init__(**kw)
        self.tau, self.seed = tau, seed
        self.gen = keras.random.SeedGenerator(seed)

    def call(self, logits, training=False):
        if training:
            u = keras.random.uniform(ops.shape(logits), 1e-6, 1 - 1e-6, seed=self.gen)
            logits = logits - ops.log(-ops.log(u))
        soft = ops.softmax(logits / self.tau)
        hard = ops.one_hot(ops.argmax(soft, axis=-1), logits.shape[-1])
        return hard + soft - ops.stop_gradient(soft)

    def compute_output_shape(self, s):
        return s

    def get_config(self):
        return {**super().get_config(), 'tau': self.tau, 'seed': self.seed}


def build():
    keras.utils.set_random_seed(9)
    x = keras.Input((12,), name='genes')
    h = L.Dense(16, activation='elu', name='enc')(x)
    z = GumbelCode(name='code')(L.Reshape((4, 5))(L.Dense(20, name='logits')(h)))
    y = L.Dense(12, name='recon')(L.Dense(16, activation='elu', name='dec')(L.Flatten()(z)))
    m = keras.Model(x, y)
    m.compile('adam', 'mse')
    return m


def sample():
    r = np.random.default_rng(8)
    x = r.normal(size=(10, 12)).astype('float32')
    return {'genes': x, 'y': x.copy()}


NOTES = dict(family='discrete latent', why_hard='argmax and stop_gradient in a right straight-through estimator', legit_nongradient=[])
