"""A speech mask is trained on power-compressed magnitudes: the silent tail of padded audio makes the gradient NaN."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    noisy = keras.Input((None, 17), name='magnitude')
    h = keras.layers.Conv1D(12, 3, padding='same', activation='relu', name='context')(noisy)
    net = keras.Model(noisy, keras.layers.Dense(17, 'sigmoid', name='mask')(h), name='enhancer')
    net.optimizer = keras.optimizers.Adam(1e-3)
    return net


def sample():
    r = np.random.default_rng(0)
    clean = np.sin(np.arange(256)[None] * r.uniform(0.2, 1.0, size=(3, 1))).astype('float32')
    noisy = clean + 0.2 * r.normal(size=clean.shape).astype('float32')
    noisy[0, 120:], clean[0, 120:] = 0, 0
    return {'noisy': noisy, 'y': clean}


def models(built):
    return [built]


def magnitude(wave):
    return tf.abs(tf.signal.stft(wave, frame_length=32, frame_step=16))


def step(built, sample):
    noisy, clean = magnitude(sample['noisy']), magnitude(sample['y'])
    with tf.GradientTape() as tape:
        estimate = noisy * built(noisy, training=True)
        compressed = tf.pow(estimate, 0.3)
        loss = tf.reduce_mean(tf.square(compressed - tf.pow(clean, 0.3)))
    gradients = tape.gradient(loss, built.trainable_variables)
    built.optimizer.apply_gradients(zip(gradients, built.trainable_variables))
    return {'loss': loss}


def fixed_step(built, sample):
    heard, wanted = magnitude(sample['noisy']), magnitude(sample['y'])
    with tf.GradientTape() as tape:
        masked = heard * built(heard, training=True)
        gap = tf.pow(masked + 1e-4, 0.3) - tf.pow(wanted + 1e-4, 0.3)
        loss = tf.reduce_mean(tf.square(gap))
    weights = built.trainable_variables
    built.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {'loss': loss}


EXPECT = {
    'source': 'https://github.com/KinWaiCheuk/nnAudio/issues/138',
    'title': 'stft gradient can produce nan (root of a spectrogram that is zero)',
    'source_kind': 'variant',
    'category': 'nonfinite_gradient',
    'culprit': {'input': 'noisy', 'variable': None, 'layer': None, 'op': 'Pow', 'line': 'compressed = tf.pow(estimate, 0.3)'},
    'why': 'The derivative of x ** 0.3 is infinite at 0; times the magnitude 0 of the silent frames it is NaN.',
    'fix': 'Add a small number before the power.',
}
EXPECT['also'] = [
    {'input': None, 'line': 'compressed = tf.pow(estimate, 0.3)'},
    {'input': None, 'variable': 'mask', 'line': 'compressed = tf.pow(estimate, 0.3)'},
    {'input': None, 'op': None, 'line': 'compressed = tf.pow(estimate, 0.3)'},
    {'input': None, 'op': None, 'line': 'estimate = noisy * built(noisy, training=True)'},
]
