"""A denoiser of recordings that also matches a wanted spread across channels: with one channel the deviation is zero and its gradient NaN."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    net = keras.Sequential([keras.Input((32, 1), name='recording'), keras.layers.Conv1D(8, 5, padding='same', activation='elu', name='front'),
                            keras.layers.Conv1D(1, 5, padding='same', name='back')], name='denoiser')
    net.compile('adam', 'mse')
    return net


def sample():
    r = np.random.default_rng(0)
    clean = np.sin(np.linspace(0, 9, 32)[None, :, None] + r.uniform(0, 6, size=(4, 1, 1))).astype('float32')
    return {'recording': clean + 0.3 * r.normal(size=clean.shape).astype('float32'), 'y': clean, 'spread': np.full((4, 1), 0.6, 'float32')}


def models(built):
    return [built]


def step(built, sample):
    clean = tf.convert_to_tensor(sample['y'])
    with tf.GradientTape() as tape:
        out = built(sample['recording'], training=True)
        spread = tf.math.reduce_std(out, axis=-1)
        loss = tf.reduce_mean(tf.square(out - clean)) + 0.1 * tf.reduce_mean(tf.square(spread - sample['spread']))
    gradients = tape.gradient(loss, built.trainable_variables)
    built.optimizer.apply_gradients(zip(gradients, built.trainable_variables))
    return {'loss': loss}


def fixed_step(built, sample):
    target = tf.convert_to_tensor(sample['y'])
    with tf.GradientTape() as tape:
        estimate = built(sample['recording'], training=True)
        gap = tf.math.reduce_std(estimate, axis=1) - sample['spread']
        loss = tf.reduce_mean(tf.square(estimate - target)) + 0.1 * tf.reduce_mean(tf.square(gap))
    weights = built.trainable_variables
    built.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'loss': loss}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/56830',
    'title': '`tf.math.reduce_std` have wrong gradient when input has only one element',
    'source_kind': 'variant',
    'category': 'nonfinite_gradient',
    'culprit': {'input': None, 'variable': None, 'layer': None, 'op': 'Sqrt', 'line': 'spread = tf.math.reduce_std(out, axis=-1)'},
    'why': 'The deviation over one channel is the root of zero: 0 times infinity is NaN for every weight.',
    'fix': 'Take the deviation along time, or the variance, or add a small number below the root.',
}
EXPECT['also'] = [
    {'op': None, 'line': 'tf.math.reduce_std(out, axis=-1)'},
    {'op': None, 'variable': 'back', 'line': 'tf.math.reduce_std(out, axis=-1)'},
    {'op': None, 'line': "0.1 * tf.reduce_mean(tf.square(spread - sample['spread']))"},
    {'op': None, 'line': 'gradients = tape.gradient(loss, built.trainable_variables)'},
]
