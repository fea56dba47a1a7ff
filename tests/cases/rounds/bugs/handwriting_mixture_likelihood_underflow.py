"""Mixture density loss as the log of a sum of exponentials: far targets underflow to log(0)."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L
reg = keras.saving.register_keras_serializable(package='handwriting_mixture_likelihood_underflow')
K = 4


def parts(y, p):
    mu = tf.reshape(p[:, :2 * K], (-1, K, 2))
    sigma = tf.exp(p[:, 2 * K:3 * K])
    logw = tf.nn.log_softmax(p[:, 3 * K:])
    dist = tf.reduce_sum(tf.square(y[:, None, :] - mu), -1)
    return dist, sigma, logw


@reg
def mixture_nll(y, p):
    dist, sigma, logw = parts(y, p)
    like = tf.exp(-0.5 * dist / tf.square(sigma)) / (2 * np.pi * tf.square(sigma))
    return -tf.math.log(tf.reduce_sum(tf.exp(logw) * like, axis=-1))


@reg
def stable_mixture_nll(y, p):
    dist, sigma, logw = parts(y, p)
    logp = -0.5 * dist / tf.square(sigma) - np.log(2 * np.pi) - 2 * tf.math.log(sigma)
    return -tf.reduce_logsumexp(logw + logp, axis=-1)


def net(loss):
    keras.utils.set_random_seed(24)
    s, t = keras.Input((20, 3), name='strokes'), keras.Input((6,), name='text_window')
    h = L.Concatenate()([L.LSTM(12, name='pen_rnn')(s), L.Dense(6, activation='tanh', name='window')(t)])
    m = keras.Model({'strokes': s, 'text_window': t}, L.Dense(4 * K, name='mixture')(h))
    m.compile('adam', loss)
    return m


def build():
    return net(mixture_nll)


def fixed():
    return net(stable_mixture_nll)


def sample():
    r = np.random.default_rng(13)
    return {'strokes': r.normal(size=(10, 20, 3)).astype('float32'), 'text_window': r.random((10, 6)).astype('float32'), 'y': r.normal(0, 25, (10, 2)).astype('float32')}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/1061', 'title': 'Mixture Density Network (loss inf, then nan)', 'source_kind': 'variant', 'category': 'nonfinite_gradient',
    'culprit': {'input': None, 'variable': 'mixture', 'layer': 'mixture', 'op': 'Log', 'line': 'return -tf.math.log(tf.reduce_sum(tf.exp(logw) * like, axis=-1))'},
    'why': 'The likelihood of a target in pixels underflows to 0; its log is -inf and the gradient is NaN.', 'fix': 'logsumexp of log-likelihoods.',
    'also': [{'layer': None, 'op': None, 'line': 'like = tf.exp(-0.5 * dist'}, {'layer': None, 'op': 'Exp', 'line': None}, {'layer': None, 'op': 'Log', 'line': None}, {'layer': None, 'op': None, 'line': 'm.compile('}],
}
