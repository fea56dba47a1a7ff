"""A binary convolution takes the sign of its filters without a straight-through gradient; only the float layers learn."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    filters = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(6, 3, padding='same', use_bias=False, name='binary_conv')], name='filters')
    head = keras.Sequential([keras.Input((8, 8, 6)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, name='logits')], name='head')
    return {'filters': filters, 'head': head, 'optimizer': keras.optimizers.Adam(1e-2)}


def sample():
    r = np.random.default_rng(0)
    return {'image': r.normal(size=(6, 8, 8, 1)).astype('float32'), 'y': r.integers(0, 3, 6)}


def models(built):
    return [built['filters'], built['head']]


def step(built, sample):
    conv = built['filters'].get_layer('binary_conv')
    variables = built['filters'].trainable_variables + built['head'].trainable_variables
    with tf.GradientTape() as tape:
        binary_filters = tf.sign(conv.kernel)
        h = tf.nn.relu(tf.nn.conv2d(sample['image'], binary_filters, 1, 'SAME'))
        logits = built['head'](h, training=True)
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(sample['y'], logits, from_logits=True))
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, variables), variables))
    return {'loss': loss}


def fixed_step(built, sample):
    weights = built['filters'].trainable_variables + built['head'].trainable_variables
    with tf.GradientTape() as tape:
        latent = tf.convert_to_tensor(built['filters'].get_layer('binary_conv').kernel)
        straight = latent + tf.stop_gradient(tf.sign(latent) - latent)
        maps = tf.nn.relu(tf.nn.conv2d(sample['image'], straight, 1, 'SAME'))
        scores = built['head'](maps, training=True)
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(sample['y'], scores, from_logits=True))
    built['optimizer'].apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'loss': loss}


EXPECT = {
    'source': 'https://github.com/layog/Accurate-Binary-Convolution-Network/issues/6',
    'title': 'No weight update due to sign function',
    'source_kind': 'variant',
    'category': 'zero_gradient',
    'culprit': {'input': None, 'variable': 'binary_conv/kernel', 'layer': None, 'op': 'Sign', 'line': 'binary_filters = tf.sign(conv.kernel)'},
    'why': 'The derivative of the sign is zero everywhere, so the latent filters never change.',
    'fix': 'Use a straight-through estimator.',
}
EXPECT['also'] = [
    {'variable': 'binary_conv', 'op': None, 'line': 'tf.sign(conv.kernel)'},
    {'variable': None, 'line': 'tf.sign(conv.kernel)'},
    {'variable': 'binary_conv', 'op': 'Sign', 'line': None},
]
