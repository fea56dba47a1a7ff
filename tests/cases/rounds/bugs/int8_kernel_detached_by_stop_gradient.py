"""A quantisation-aware layer wraps the whole quantised kernel in stop_gradient instead of the rounding error only."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m4_int8_kernel_')


@reg
class Int8Dense(L.Layer):
    """Dense layer whose kernel is rounded to 8 bits in the forward pass."""

    def __init__(self, units, activation=None, **kw):
        super().__init__(**kw)
        self.units, self.activation = units, keras.activations.get(activation)

    def build(self, shape):
        self.kernel = self.add_weight(name='kernel', shape=(shape[-1], self.units), initializer='glorot_uniform')
        self.bias = self.add_weight(name='bias', shape=(self.units,), initializer='zeros')

    def rounded(self):
        scale = tf.reduce_max(tf.abs(self.kernel)) / 127.0
        return tf.round(self.kernel / scale) * scale

    def int8_kernel(self):
        return tf.stop_gradient(self.rounded())

    def call(self, x):
        return self.activation(tf.matmul(x, self.int8_kernel()) + self.bias)

    def compute_output_shape(self, shape):
        return tuple(shape[:-1]) + (self.units,)

    def get_config(self):
        return {**super().get_config(), 'units': self.units, 'activation': keras.activations.serialize(self.activation)}


@reg
class StraightThroughInt8Dense(Int8Dense):
    def int8_kernel(self):
        return self.kernel + tf.stop_gradient(self.rounded() - self.kernel)


def make(dense):
    keras.utils.set_random_seed(11)
    wave = keras.Input((64, 1), name='vibration')
    load = keras.Input((2,), name='load')
    h = L.Conv1D(6, 7, strides=3, activation='relu', name='stem')(wave)
    h = L.Concatenate(name='features')([L.GlobalMaxPooling1D(name='peak')(h), load])
    h = dense(12, activation='relu', name='int8_hidden')(h)
    model = keras.Model({'vibration': wave, 'load': load}, L.Dense(3, activation='softmax', name='fault')(h))
    model.compile('adam', 'sparse_categorical_crossentropy')
    return model


def build():
    return make(Int8Dense)


def fixed():
    return make(StraightThroughInt8Dense)


def sample():
    r = np.random.default_rng(12)
    return {'vibration': r.normal(size=(9, 64, 1)).astype('float32'), 'load': r.random((9, 2)).astype('float32'),
            'y': r.integers(0, 3, (9,)).astype('int32')}


def _at(line=None, layer=None, op=None, variable=None, input=None):
    return {'input': input, 'variable': variable, 'layer': layer, 'op': op, 'line': line}


EXPECT = {
    'source': 'https://github.com/Justin-Tan/generative-compression/issues/27',
    'title': 'Question about gradient calculation in the quantizer',
    'source_kind': 'variant',
    'category': 'stop_gradient',
    'culprit': _at('return tf.stop_gradient(self.rounded())', 'int8_hidden', 'StopGradient', 'int8_hidden/kernel'),
    'why': 'The straight-through form is w + stop_gradient(q(w) - w); with stop_gradient(q(w)) the kernel never learns.',
    'fix': 'Return self.kernel + tf.stop_gradient(self.rounded() - self.kernel).',
    'also': [_at('return self.activation(tf.matmul(x, self.int8_kernel()) + self.bias)'), _at(layer='int8_hidden', variable='kernel'),
             _at(op='StopGradient'), _at('return tf.round(self.kernel / scale) * scale'), _at(op='Round')],
}
