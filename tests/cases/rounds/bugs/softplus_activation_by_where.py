"""A hand-written softplus guards large values by tf.where; the exponential that is not picked still overflows in the gradient."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L, ops

reg = keras.saving.register_keras_serializable(package='m4_softplus_act')


@reg
def smooth_positive(x):
    """log(1 + exp(x)), linear for large x."""
    return tf.where(x > 20.0, x, tf.math.log(1.0 + tf.exp(x)))


@reg
def smooth_positive_of_small(x):
    """The same curve; the exponential sees small values only."""
    small = tf.where(x > 20.0, 0.0, x)
    return tf.where(x > 20.0, x, tf.math.log(1.0 + tf.exp(small)))


def make(activation):
    keras.utils.set_random_seed(5)
    flows = keras.Input((11,), name='cash_flows')
    sector = keras.Input((1,), dtype='int32', name='sector')
    h = L.Dense(16, name='mix')(flows)
    h = L.Activation(activation, name='positive')(h)
    s = L.Flatten()(L.Embedding(7, 3, name='sector_table')(sector))
    h = L.Dense(8, activation='gelu', name='hidden')(L.Concatenate()([h, s]))
    model = keras.Model({'cash_flows': flows, 'sector': sector}, L.Dense(1, activation='sigmoid', name='default')(h))
    model.compile('adam', 'binary_crossentropy')
    return model


def build():
    return make(smooth_positive)


def fixed():
    return make(smooth_positive_of_small)


def sample():
    r = np.random.default_rng(6)
    return {'cash_flows': (80.0 * r.normal(size=(12, 11))).astype('float32'), 'sector': r.integers(0, 7, (12, 1)).astype('int32'),
            'y': r.integers(0, 2, (12, 1)).astype('float32')}


def _at(line=None, layer=None, op=None, variable=None, input=None):
    return {'input': input, 'variable': variable, 'layer': layer, 'op': op, 'line': line}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/20355',
    'title': 'Bug in tf.where gradient calculation.',
    'source_kind': 'variant',
    'category': 'nonfinite_gradient',
    'culprit': _at('return tf.where(x > 20.0, x, tf.math.log(1.0 + tf.exp(x)))', 'positive', 'Exp', 'mix'),
    'why': 'Above 88 exp(x) is infinite in the branch that is not taken; its gradient is 0 * inf = NaN.',
    'fix': 'Use tf.math.softplus, or feed the exponential values that are safe for it.',
    'also': [_at(layer='positive'), _at("h = L.Activation(activation, name='positive')(h)"), _at(op='Exp'), _at(op='Log'), _at(op='SelectV2'),
             _at(layer='mix'), _at(layer='positive', input='cash_flows')],
}
