"""Healthy model: mixture_density_logsumexp (see NOTES)."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L, ops
reg = keras.saving.register_keras_serializable(package='m6_mixture_density_logsumexp')
def F(*s, seed=0, scale=1.0): return (np.random.default_rng(seed).normal(size=s) * scale).astype('float32')
def I(hi, *s, lo=0, seed=0): return np.random.default_rng(seed).integers(lo, hi, size=s).astype('int32')


@reg
def nll(y, p): m, s, w = tf.split(p, 3, -1); s = tf.nn.softplus(s) + 1e-3; return -tf.reduce_logsumexp(tf.nn.log_softmax(w) - .5 * tf.square((y - m) / s) - tf.math.log(s), -1)
def build():
    keras.utils.set_random_seed(15)
    x = keras.Input((3,), name='pose'); h = L.Dense(16, activation='tanh', name='h1')(x); h = L.Dense(16, activation='tanh', name='h2')(h)
    p = L.Dense(12, name='mdn', bias_initializer=keras.initializers.Constant(np.concatenate([np.linspace(-2, 2, 4), np.zeros(8)])))(h); m = keras.Model({'pose': x}, p); m.compile('adam', nll); return m
def sample(): return {'pose': F(32, 3), 'y': F(32, 1, seed=1, scale=40.)}
NOTES = dict(family='probabilistic', why_hard='targets far from all components, labels of one column against four components', legit_nongradient=[])
