"""RealNVP flow: coupling layers with alternating masks, negative log-likelihood by add_loss."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h_flow')


@reg
class Coupling(L.Layer):
    def __init__(self, parity, **kw):
        super().__init__(**kw)
        self.parity = parity
        self.hidden = L.Dense(10, activation='tanh', name='hidden')
        self.st = L.Dense(8, kernel_initializer=keras.initializers.RandomNormal(stddev=0.05), name='st')

    def build(self, shapes):
        self.hidden.build((None, 4 + 2))
        self.st.build((None, 10))
        self.built = True

    def call(self, inputs):
        x, logdet, cond = inputs
        mask = ops.cast(ops.arange(4) % 2 == self.parity, x.dtype)
        s, t = ops.split(self.st(self.hidden(ops.concatenate([x * mask, cond], axis=-1))), 2, axis=-1)
        s = ops.tanh(s) * (1 - mask)
        return x * ops.exp(s) + t * (1 - mask), logdet + ops.sum(s, axis=-1)

    def compute_output_shape(self, shapes):
        return shapes[0], shapes[1]

    def get_config(self):
        return {**super().get_config(), 'parity': self.parity}


@reg
class FlowLoss(L.Layer):
    def call(self, inputs):
        z, logdet = inputs
        logp = -0.5 * ops.sum(ops.square(z), axis=-1) + logdet
        self.add_loss(-ops.mean(logp))
        return logp

    def compute_output_shape(self, shapes):
        return shapes[1]


@reg
class ZeroLogdet(L.Layer):
    def call(self, x):
        return ops.zeros_like(x[:, 0])

    def compute_output_shape(self, s):
        return (s[0],)


def build():
    keras.utils.set_random_seed(19)
    x, cond = keras.Input((4,), name='event'), keras.Input((2,), name='beam')
    z, ld = x, ZeroLogdet(name='logdet0')(x)
    for i in range(4):
        z, ld = Coupling(i % 2, name=f'couple{i}')([z, ld, cond])
    m = keras.Model({'event': x, 'beam': cond}, FlowLoss(name='nll')([z, ld]))
    m.compile('adam')
    return m


def sample():
    r = np.random.default_rng(18)
    return {'event': r.normal(size=(16, 4)).astype('float32'), 'beam': r.normal(size=(16, 2)).astype('float32')}


NOTES = dict(family='probabilistic', why_hard='binary masks kill half of every scale and shift, zeros_like of an input starts the log-determinant, no labels', legit_nongradient=[])
