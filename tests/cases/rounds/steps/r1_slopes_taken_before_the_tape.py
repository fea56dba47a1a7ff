"""Lazy R1 penalty of a spectrogram discriminator: the slopes are computed before the outer tape opens, so the penalty has no gradient."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(4)
    x = keras.Input((16, 16, 1), name='spectrogram')
    h = keras.layers.Conv2D(6, 4, strides=2, activation='swish', name='disc_a')(x)
    h = keras.layers.Conv2D(8, 4, strides=2, activation='swish', name='disc_b')(h)
    discriminator = keras.Model(x, keras.layers.Dense(1, use_bias=False, name='disc_out')(keras.layers.Flatten(name='flat')(h)), name='discriminator')
    return {'discriminator': discriminator, 'optimizer': keras.optimizers.Adam(2e-4)}


def sample():
    r = np.random.default_rng(4)
    return {'real': r.normal(size=(4, 16, 16, 1)).astype('float32')}


def models(built):
    return [built['discriminator']]


def input_slopes(discriminator, real):
    with tf.GradientTape() as r1_tape:
        r1_tape.watch(real)
        score = discriminator(real, training=True)
    return r1_tape.gradient(score, real)


def step(built, sample):
    discriminator = built['discriminator']
    slopes = input_slopes(discriminator, tf.constant(sample['real']))
    with tf.GradientTape() as tape:
        penalty = 5.0 * tf.reduce_mean(tf.reduce_sum(tf.square(slopes), axis=[1, 2, 3]))
    grads = tape.gradient(penalty, discriminator.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, discriminator.trainable_variables))
    return {'penalty': penalty}


def fixed_step(built, sample):
    discriminator = built['discriminator']
    with tf.GradientTape() as tape:
        rise = input_slopes(discriminator, tf.constant(sample['real']))
        penalty = 5.0 * tf.reduce_mean(tf.reduce_sum(tf.square(rise), axis=[1, 2, 3]))
    grads = tape.gradient(penalty, discriminator.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, discriminator.trainable_variables))
    return {'penalty': penalty}


EXPECT = {
    'source': 'own', 'title': 'Lazy R1 regularization whose derivative is taken before the outer tape', 'source_kind': 'own',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'disc_a/kernel', 'layer': None, 'op': None, 'line': "slopes = input_slopes(discriminator, tf.constant(sample['real']))"},
    'why': 'The outer tape does not record the backward pass, so the slopes are constants for it.',
    'fix': 'Compute the slopes inside of the block of the outer tape.',
}
EXPECT['also'] = [{'line': 'with tf.GradientTape() as tape:'}, {'line': 'return r1_tape.gradient(score, real)'}, {'line': 'penalty = 5.0 * tf.reduce_mean('}, {'variable': 'disc'}, {'variable': None}, {'line': 'grads = tape.gradient(penalty, discriminator.trainable_variables)'},
                  {'layer': 'discriminator'}]
