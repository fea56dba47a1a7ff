"""The own deviance loss gets labels of shape (batch,) and predictions of shape (batch, 1) and compares every claim with every other."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m4_severity_lab')


@reg
class GammaDeviance(keras.losses.Loss):
    """Deviance of the gamma distribution for the size of claims."""

    def call(self, y, mu):
        ratio = y / mu
        return ratio - ops.log(ratio) - 1.0


def make():
    keras.utils.set_random_seed(34)
    vehicle = keras.Input((5,), name='vehicle')
    region = keras.Input((), dtype='int32', name='region')
    x = L.Concatenate(name='joined')([L.Dense(8, activation='relu', name='vehicle_tower')(vehicle), L.Embedding(9, 3, name='region_table')(region)])
    size = L.Dense(1, activation='exponential', name='claim_size')(L.Dense(8, activation='relu', name='hidden')(x))
    model = keras.Model({'vehicle': vehicle, 'region': region}, size)
    model.compile(keras.optimizers.Adam(0.01), GammaDeviance(name='gamma_deviance'))
    return model


def build():
    return make()


def fixed():
    return make()


def sample():
    r = np.random.default_rng(35)
    vehicle = r.normal(size=(32, 5)).astype('float32')
    size = np.exp(0.8 * vehicle[:, 0] + 0.1 * r.normal(size=32))
    return {'vehicle': vehicle, 'region': r.integers(0, 9, 32).astype('int32'), 'y': size.astype('float32')}


def fixed_sample():
    s = sample()
    return s | {'y': s['y'][:, None]}


def _at(line=None, layer=None, op=None, variable=None, input=None):
    return {'input': input, 'variable': variable, 'layer': layer, 'op': op, 'line': line}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/16836',
    'title': 'Loss is significantly worse when calculated manually in train_step compared to passed into model.compile',
    'source_kind': 'variant',
    'category': 'label_shape_broadcast',
    'culprit': _at('ratio = y / mu', 'claim_size', None, None, 'y'),
    'why': '(32,) / (32, 1) is (32, 32): each prediction is compared with all claims and the model learns their average.',
    'fix': 'Give the labels the shape (batch, 1).',
    'also': [_at("return {'vehicle': vehicle, 'region': r.integers(0, 9, 32).astype('int32'), 'y': size.astype('float32')}"), _at(input='y'),
             _at(layer='claim_size'), _at("model.compile(keras.optimizers.Adam(0.01), GammaDeviance(name='gamma_deviance'))"),
             _at('return ratio - ops.log(ratio) - 1.0')],
}
