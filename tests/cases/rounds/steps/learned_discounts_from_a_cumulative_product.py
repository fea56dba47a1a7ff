"""A return with learned discounts that start at zero: the gradient of the cumulative product is zero where a factor is zero."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    states = keras.Input((5, 3), name='states')
    gate = keras.layers.Dense(1, kernel_initializer='zeros', name='discount')(states)
    discounts = keras.layers.Reshape((5,))(gate)
    discounter = keras.Model(states, discounts, name='discounter')
    value = keras.Sequential([keras.Input((5, 3)), keras.layers.Flatten(), keras.layers.Dense(8, 'tanh', name='value_hidden'),
                              keras.layers.Dense(1, name='value_out')], name='value')
    return {'discounter': discounter, 'value': value, 'optimizer': keras.optimizers.Adam(1e-2)}


def sample():
    r = np.random.default_rng(0)
    return {'states': r.normal(size=(8, 5, 3)).astype('float32'), 'rewards': r.uniform(0.5, 1.5, size=(8, 5)).astype('float32'),
            'y': r.normal(size=(8,)).astype('float32')}


def models(built):
    return [built['discounter'], built['value']]


def step(built, sample):
    variables = built['discounter'].trainable_variables + built['value'].trainable_variables
    with tf.GradientTape() as tape:
        discounts = built['discounter'](sample['states'], training=True)
        weights = tf.math.cumprod(discounts, axis=1)
        returns = tf.reduce_sum(weights * sample['rewards'], axis=1)
        baseline = tf.squeeze(built['value'](sample['states'], training=True), 1)
        loss = tf.reduce_mean(tf.square(returns + baseline - sample['y']))
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, variables), variables))
    return {'loss': loss}


def fixed_step(built, sample):
    both = built['discounter'].trainable_variables + built['value'].trainable_variables
    with tf.GradientTape() as tape:
        kept = tf.sigmoid(built['discounter'](sample['states'], training=True))
        total = tf.reduce_sum(tf.math.cumprod(kept, axis=1) * sample['rewards'], axis=1)
        level = tf.squeeze(built['value'](sample['states'], training=True), 1)
        loss = tf.reduce_mean(tf.square(total + level - sample['y']))
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, both), both))
    return {'loss': loss}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/119430',
    'title': '`tf.math.cumprod` gradient is incorrect when input contains zeros',
    'source_kind': 'variant',
    'category': 'zero_gradient',
    'culprit': {'input': None, 'variable': 'discount/kernel', 'layer': None, 'op': 'Cumprod', 'line': 'weights = tf.math.cumprod(discounts, axis=1)'},
    'why': 'All factors are exactly zero at the start; TensorFlow divides by the factor and answers zero, so the discounts never leave zero.',
    'fix': 'Squash the factors into (0, 1), e.g. with a sigmoid, before the cumulative product.',
}
EXPECT['also'] = [
    {'variable': 'discount/kernel', 'line': "kernel_initializer='zeros', name='discount'"},
    {'variable': 'discount/kernel', 'line': "discounts = built['discounter'](sample['states'], training=True)"},
    {'variable': 'discount/kernel', 'line': "returns = tf.reduce_sum(weights * sample['rewards'], axis=1)"},
]
