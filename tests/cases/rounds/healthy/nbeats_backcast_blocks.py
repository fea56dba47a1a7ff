"""Time series: N-BEATS with backcast residuals; the last block has no backcast."""
import numpy as np
import tensorflow as tf
import keras

PKG = 'nbeats_backcast_blocks'


@keras.saving.register_keras_serializable(package=PKG)
class Basis(keras.layers.Layer):
    def __init__(self, size, kind, **kw):
        super().__init__(**kw)
        self.size, self.kind = size, kind

    def call(self, theta):
        t = np.arange(self.size) / self.size
        k = theta.shape[-1]
        rows = [t ** i for i in range(k)] if self.kind == 'trend' else [f(2 * np.pi * (i // 2 + 1) * t) for i, f in zip(range(k), [np.cos, np.sin] * k)]
        return tf.matmul(theta, tf.constant(np.stack(rows), tf.float32))

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.size)

    def get_config(self):
        return {**super().get_config(), 'size': self.size, 'kind': self.kind}


@keras.saving.register_keras_serializable(package=PKG)
class LastValue(keras.layers.Layer):
    def call(self, x):
        return x[:, -1:]


@keras.saving.register_keras_serializable(package=PKG)
class Hold(keras.layers.Layer):
    def __init__(self, size, **kw):
        super().__init__(**kw)
        self.size = size

    def call(self, x):
        return tf.repeat(x, self.size, axis=1)

    def get_config(self):
        return {**super().get_config(), 'size': self.size}


def build():
    keras.utils.set_random_seed(6)
    past = keras.Input((24,), name='past')
    level = LastValue(name='last_value')(past)
    rest = keras.layers.Subtract(name='centred')([past, level])
    forecasts = [Hold(8, name='hold')(level)]
    kinds = ('trend', 'season', 'season')
    for i, kind in enumerate(kinds):
        h = keras.layers.Dense(16, activation='relu', name=f'fc_a{i}')(rest)
        h = keras.layers.Dense(16, activation='relu', name=f'fc_b{i}')(h)
        n = 3 if kind == 'trend' else 6
        forecasts.append(Basis(8, kind, name=f'forecast{i}')(keras.layers.Dense(n, use_bias=False, name=f'theta_f{i}')(h)))
        if i + 1 < len(kinds):
            rest = keras.layers.Subtract(name=f'residual{i}')([rest, Basis(24, kind, name=f'backcast{i}')(keras.layers.Dense(n, use_bias=False, name=f'theta_b{i}')(h))])
    m = keras.Model({'past': past}, keras.layers.Add(name='future')(forecasts))
    m.compile('adam', 'mae')
    return m


def sample():
    r = np.random.default_rng(6)
    x = np.cumsum(r.normal(size=(12, 32)), axis=1)
    return {'past': x[:, :24].astype('float32'), 'y': x[:, 24:].astype('float32')}


NOTES = dict(family='time series', why_hard='constant bases, differences of branches, the input minus its own last value', legit_nongradient=[])
