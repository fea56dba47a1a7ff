"""Quantisation-aware training with a learned range: quantize_and_dequantize passes nothing on to its range."""
import numpy as np
import tensorflow as tf
import keras


@keras.saving.register_keras_serializable('fresh_s7')
class Range(keras.layers.Layer):
    def build(self, shape):
        self.low = self.add_weight(name='low', shape=(), initializer=keras.initializers.Constant(-0.5))
        self.high = self.add_weight(name='high', shape=(), initializer=keras.initializers.Constant(0.5))

    def call(self, x):
        return tf.clip_by_value(x, self.low, self.high)


def build():
    keras.utils.set_random_seed(0)
    body = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, 'tanh', name='body_dense')], name='body')
    span = keras.Sequential([keras.Input((8,)), Range(name='range')], name='span')
    head = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, name='head_dense')], name='head')
    return {'body': body, 'span': span, 'head': head, 'optimizer': keras.optimizers.Adam(1e-2)}


def sample():
    r = np.random.default_rng(0)
    x = r.normal(size=(16, 6)).astype('float32')
    return {'x': x, 'y': np.sin(x[:, :1] * 2)}


def models(built):
    return [built['body'], built['span'], built['head']]


def step(built, sample):
    variables = sum([m.trainable_variables for m in models(built)], [])
    span = built['span'].get_layer('range')
    with tf.GradientTape() as tape:
        h = built['body'](sample['x'], training=True)
        h = tf.quantization.quantize_and_dequantize_v2(h, span.low.value, span.high.value, num_bits=4, range_given=True)
        loss = tf.reduce_mean(tf.square(built['head'](h, training=True) - sample['y']))
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, variables), variables))
    return {'loss': loss}


def fixed_step(built, sample):
    weights = built['body'].trainable_variables + built['span'].trainable_variables + built['head'].trainable_variables
    with tf.GradientTape() as tape:
        hidden = built['body'](sample['x'], training=True)
        bounds = built['span'].get_layer('range')
        coarse = tf.quantization.fake_quant_with_min_max_vars(hidden, bounds.low.value, bounds.high.value, num_bits=4)
        loss = tf.reduce_mean(tf.square(built['head'](coarse, training=True) - sample['y']))
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'loss': loss}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/15685',
    'title': "fake_quant_with_min_max_vars doesn't change min, max vars",
    'source_kind': 'variant',
    'category': 'zero_gradient',
    'culprit': {'input': None, 'variable': 'range/low', 'layer': None, 'op': 'QuantizeAndDequantizeV4',
                'line': 'h = tf.quantization.quantize_and_dequantize_v2(h, span.low.value, span.high.value, num_bits=4, range_given=True)'},
    'why': 'The gradient of this operation concerns its input; for the range it is always zero, which stays at its first values.',
    'fix': 'Use fake_quant_with_min_max_vars, whose gradient includes the range.',
}
EXPECT['also'] = [
    {'variable': 'range/high', 'op': None, 'line': 'tf.quantization.quantize_and_dequantize_v2('},
    {'variable': 'range/low', 'op': None, 'line': 'tf.quantization.quantize_and_dequantize_v2('},
    {'variable': None, 'layer': 'range', 'op': None, 'line': 'tf.quantization.quantize_and_dequantize_v2('},
]
