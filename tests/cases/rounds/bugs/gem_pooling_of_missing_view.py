"""GeM pooling with a learned power meets a missing view of zeros: the gradient of the root is infinite times zero."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m4_gem_pooling_')


@reg
class GeM(L.Layer):
    """Generalised mean pooling with one learned power for each channel."""

    def __init__(self, start=3.0, floor=0.0, **kw):
        super().__init__(**kw)
        self.start, self.floor = start, floor

    def build(self, shape):
        self.power = self.add_weight(name='power', shape=(shape[-1],), initializer=keras.initializers.Constant(self.start))

    def call(self, x):
        x = ops.maximum(x, self.floor)
        mean = ops.mean(ops.power(x, self.power), axis=(1, 2))
        return ops.power(mean, 1.0 / self.power)

    def compute_output_shape(self, shape):
        return (shape[0], shape[-1])

    def get_config(self):
        return {**super().get_config(), 'start': self.start, 'floor': self.floor}


def make(floor):
    keras.utils.set_random_seed(7)
    image = keras.Input((16, 16, 1))
    h = L.Conv2D(6, 3, strides=2, use_bias=False, activation='relu', name='stem')(image)
    h = L.Conv2D(8, 3, use_bias=False, activation='relu', name='block')(h)
    encoder = keras.Model(image, GeM(floor=floor, name='gem')(h), name='encoder')
    views = {k: keras.Input((16, 16, 1), name=k) for k in ('frontal', 'lateral')}
    h = L.Concatenate(name='both')([encoder(views['frontal']), encoder(views['lateral'])])
    findings = L.Dense(4, activation='sigmoid', name='findings')(L.Dense(12, activation='gelu', name='hidden')(h))
    model = keras.Model(views, findings)
    model.compile('adam', 'binary_crossentropy')
    return model


def build():
    return make(0.0)


def fixed():
    return make(1e-4)


def sample():
    r = np.random.default_rng(8)
    lateral = r.random((6, 16, 16, 1)).astype('float32')
    lateral[[1, 4]] = 0.0
    return {'frontal': r.random((6, 16, 16, 1)).astype('float32'), 'lateral': lateral, 'y': r.integers(0, 2, (6, 4)).astype('float32')}


def _at(line=None, layer=None, op=None, variable=None, input=None):
    return {'input': input, 'variable': variable, 'layer': layer, 'op': op, 'line': line}


EXPECT = {
    'source': 'https://github.com/keras-team/keras/issues/15600',
    'title': 'EfficietNet + Generalized Mean Pooling causes NaN loss!',
    'source_kind': 'variant',
    'category': 'nonfinite_gradient',
    'culprit': _at('return ops.power(mean, 1.0 / self.power)', 'gem', 'Pow', 'stem'),
    'why': 'Where a channel is zero everywhere (the view is missing) the derivative of mean ** (1/p) is infinite, times p * 0 ** (p-1) = 0: NaN.',
    'fix': 'Clip the activations from below by a small positive number before the power.',
    'also': [_at('mean = ops.mean(ops.power(x, self.power), axis=(1, 2))'), _at('x = ops.maximum(x, self.floor)'), _at(layer='gem'),
             _at(op='Pow'), _at(layer='encoder'), _at('return make(0.0)'), _at(input='lateral', layer='gem'), _at(input='lateral')],
}
