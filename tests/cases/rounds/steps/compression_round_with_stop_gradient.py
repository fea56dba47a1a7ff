"""Learned compression: the latents are quantized under stop_gradient; the analysis transform gets no gradient from the distortion."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((16, 16, 3), name='image')
    h = keras.layers.Conv2D(8, 5, strides=2, padding='same', activation='gelu', name='analysis_0')(x)
    analysis = keras.Model(x, keras.layers.Conv2D(4, 5, strides=2, padding='same', name='analysis_1')(h), name='analysis')
    y = keras.Input((4, 4, 4), name='latent')
    h = keras.layers.Conv2DTranspose(8, 5, strides=2, padding='same', activation='gelu', name='synthesis_0')(y)
    synthesis = keras.Model(y, keras.layers.Conv2DTranspose(3, 5, strides=2, padding='same', name='synthesis_1')(h), name='synthesis')
    return {'analysis': analysis, 'synthesis': synthesis, 'optimizer': keras.optimizers.Adam(1e-3, global_clipnorm=1.0)}


def sample():
    return {'image': np.random.default_rng(0).uniform(-4, 4, size=(4, 16, 16, 3)).astype('float32')}


def models(built):
    return [built['analysis'], built['synthesis']]


def quantize(w, levels=8):
    centers = tf.linspace(-4.0, 4.0, levels + 1)
    nearest = tf.argmin(tf.abs(w[..., None] - centers), -1)
    return tf.stop_gradient(tf.gather(centers, nearest))


def quantize_through(w, levels=8):
    centers = tf.linspace(-4.0, 4.0, levels + 1)
    hard = tf.gather(centers, tf.argmin(tf.abs(w[..., None] - centers), -1))
    return w + tf.stop_gradient(hard - w)


def train(built, sample, bottleneck):
    x = sample['image']
    with tf.GradientTape() as tape:
        w_hat = bottleneck(built['analysis'](x, training=True))
        distortion = tf.reduce_mean(tf.square(built['synthesis'](w_hat, training=True) - x))
    variables = built['analysis'].trainable_variables + built['synthesis'].trainable_variables
    built['optimizer'].apply_gradients([(g, v) for g, v in zip(tape.gradient(distortion, variables), variables) if g is not None])
    return distortion


def step(built, sample):
    return train(built, sample, quantize)


def fixed_step(built, sample):
    return train(built, sample, quantize_through)


EXPECT = {
    'source': 'https://github.com/Justin-Tan/generative-compression/issues/27',
    'title': 'Question about gradient calculation in the quantizer', 'source_kind': 'report', 'category': 'stop_gradient',
    'culprit': {'input': None, 'variable': 'analysis_0/kernel', 'layer': None, 'op': 'StopGradient', 'line': 'return tf.stop_gradient(tf.gather(centers, nearest))'},
    'why': 'The quantized latents are a constant to the tape (argmin and stop_gradient): the analysis transform gets no gradient, which the filter in the loop hides.',
    'fix': 'Straight-through: w + stop_gradient(hard - w).',
    'also': [{'variable': 'analysis', 'op': 'ArgMin', 'line': 'nearest = tf.argmin('}, {'variable': 'analysis', 'op': None, 'line': 'nearest = tf.argmin('}, {'variable': 'analysis', 'op': 'ArgMin', 'line': None},
             {'variable': 'analysis', 'op': None, 'line': 'return tf.stop_gradient(tf.gather(centers, nearest))'}, {'variable': 'analysis', 'op': None, 'line': 'w_hat = bottleneck(built'},
             {'variable': 'analysis', 'op': 'StopGradient', 'line': None}, {'layer': 'analysis', 'variable': None, 'op': None, 'line': 'return tf.stop_gradient('}],
    'symptom': [('unmoved', 'analysis')],
}
