"""Gaussian likelihood with the mean sliced as (batch, 1) and the log-variance as (batch,): the loss is a batch by batch table."""
import numpy as np, tensorflow as tf, keras
from keras import layers as L
reg = keras.saving.register_keras_serializable(package='heteroscedastic_head_slices_the_variance_flat')


@reg
def gaussian_nll(y, p):
    mean = p[:, :1]
    log_var = p[:, 1]
    return 0.5 * (tf.exp(-log_var) * tf.square(y - mean) + log_var)


@reg
def gaussian_nll_columns(y, p):
    mean, log_var = p[:, :1], p[:, 1:]
    return 0.5 * (tf.exp(-log_var) * tf.square(y - mean) + log_var)


def net(loss):
    keras.utils.set_random_seed(29)
    v, s = keras.Input((8,), name='vitals'), keras.Input((), dtype='int32', name='ward')
    h = L.Concatenate()([v, L.Embedding(5, 3, name='ward_table')(s)])
    h = L.Dense(16, activation='silu', name='hidden')(h)
    m = keras.Model({'vitals': v, 'ward': s}, L.Dense(2, name='gauss')(h))
    m.compile('adam', loss)
    return m


def build():
    return net(gaussian_nll)


def fixed():
    return net(gaussian_nll_columns)


def sample():
    r = np.random.default_rng(18)
    return {'vitals': r.normal(size=(14, 8)).astype('float32'), 'ward': r.integers(0, 5, (14,)).astype('int32'), 'y': r.normal(size=(14, 1)).astype('float32')}


EXPECT = {
    'source': None, 'title': 'mean and log-variance of different rank in a Gaussian likelihood', 'source_kind': 'own', 'category': 'label_shape_broadcast',
    'culprit': {'input': None, 'variable': 'gauss', 'layer': 'gauss', 'op': None, 'line': 'log_var = p[:, 1]'},
    'why': 'Every residual is weighted by the variances of all rows, so the variance can only fit the average of the batch.', 'fix': 'p[:, 1:]',
    'also': [{'input': 'y', 'layer': None, 'line': None}, {'layer': None, 'variable': None, 'line': 'return 0.5 * (tf.exp(-log_var)'}, {'layer': None, 'op': 'Mul', 'line': None}, {'layer': None, 'variable': None, 'line': 'mean = p[:, :1]'}, {'layer': None, 'line': 'm.compile('}],
}
