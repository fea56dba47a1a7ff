"""Mixture density network with a logsumexp likelihood as loss."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='h_mdn')
K = 3


@reg
def mixture_nll(y, p):
    logit, mu, raw = ops.split(p, 3, axis=-1)
    sigma = ops.softplus(raw) + 1e-3
    logp = ops.log_softmax(logit) - ops.log(sigma) - 0.5 * ops.square((y - mu) / sigma)
    return -ops.logsumexp(logp, axis=-1)


def build():
    keras.utils.set_random_seed(5)
    wind, hour = keras.Input((6, 2), name='wind'), keras.Input((), dtype='int32', name='hour')
    h = L.Concatenate()([L.GRU(8, name='gru')(wind), L.Embedding(24, 4, name='hour_table')(hour)])
    h = L.LayerNormalization(name='norm')(L.Dense(12, activation='selu', kernel_initializer='lecun_normal', name='fc')(h))
    p = L.Concatenate(name='mixture')([L.Dense(K, name='logit')(h), L.Dense(K, name='mu')(h), L.Dense(K, name='sigma')(h)])
    m = keras.Model({'wind': wind, 'hour': hour}, p)
    m.compile('adam', mixture_nll)
    return m


def sample():
    r = np.random.default_rng(4)
    return {'wind': r.normal(size=(9, 6, 2)).astype('float32'), 'hour': r.integers(0, 24, 9).astype('int32'), 'y': r.normal(size=(9, 1)).astype('float32')}


NOTES = dict(family='probabilistic', why_hard='labels (9, 1) broadcast against (9, 3) component means on purpose', legit_nongradient=[])
