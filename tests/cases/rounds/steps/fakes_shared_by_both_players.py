"""GAN: the fake batch is made once before the tapes, for both players."""
import numpy as np
import tensorflow as tf
import keras
import functools


def build():
    keras.utils.set_random_seed(14)
    z, label = keras.Input((6,), name='z'), keras.Input((), dtype='int32', name='label')
    e = keras.layers.Embedding(4, 6, name='class_embedding')(label)
    h = keras.layers.Dense(4 * 4 * 4, activation='relu', name='g_fc')(keras.layers.Multiply(name='cond')([z, e]))
    h = keras.layers.Reshape((4, 4, 4), name='g_grid')(h)
    generator = keras.Model([z, label], keras.layers.Conv2DTranspose(1, 4, strides=2, padding='same', activation='tanh', name='g_up')(h), name='generator')
    x = keras.Input((8, 8, 1), name='x')
    h = keras.layers.Conv2D(6, 4, strides=2, padding='same', activation='leaky_relu', name='d_conv')(x)
    discriminator = keras.Model(x, keras.layers.Dense(1, name='d_out')(keras.layers.Flatten(name='d_flat')(h)), name='discriminator')
    return {'generator': generator, 'discriminator': discriminator, 'g_opt': keras.optimizers.Adam(2e-4, beta_1=0.5), 'd_opt': keras.optimizers.Adam(2e-4, beta_1=0.5)}


def sample():
    r = np.random.default_rng(14)
    return {'x': np.tanh(r.normal(size=(8, 8, 8, 1))).astype('float32'), 'label': r.integers(0, 4, 8).astype('int32')}


def models(built):
    return [built['generator'], built['discriminator']]


def least_squares(scores, goal):
    return 0.5 * tf.reduce_mean(tf.square(scores - goal))


as_real, as_fake = functools.partial(least_squares, goal=1.), functools.partial(least_squares, goal=0.)


def sample_fakes(generator, labels):
    return generator([tf.random.normal([len(labels), 6]), labels], training=True)


def update(optimizer, tape, loss, player):
    gradients = tape.gradient(loss, player.trainable_variables)
    optimizer.apply_gradients(zip(gradients, player.trainable_variables))


def step(built, sample):
    sample = {k: tf.convert_to_tensor(v) for k, v in sample.items()}
    generator, discriminator = built['generator'], built['discriminator']
    fakes = sample_fakes(generator, sample['label'])
    with tf.GradientTape() as d_tape:
        d_loss = as_real(discriminator(sample['x'], training=True)) + as_fake(discriminator(fakes, training=True))
    update(built['d_opt'], d_tape, d_loss, discriminator)
    with tf.GradientTape() as g_tape:
        g_loss = as_real(discriminator(fakes, training=True))
    update(built['g_opt'], g_tape, g_loss, generator)
    return {'d_loss': d_loss, 'g_loss': g_loss}


def fixed_step(built, sample):
    sample = {k: tf.convert_to_tensor(v) for k, v in sample.items()}
    generator, discriminator = built['generator'], built['discriminator']
    with tf.GradientTape() as d_tape:
        made = sample_fakes(generator, sample['label'])
        d_loss = as_real(discriminator(sample['x'], training=True)) + as_fake(discriminator(made, training=True))
    update(built['d_opt'], d_tape, d_loss, discriminator)
    with tf.GradientTape() as g_tape:
        made = sample_fakes(generator, sample['label'])
        g_loss = as_real(discriminator(made, training=True))
    update(built['g_opt'], g_tape, g_loss, generator)
    return {'d_loss': d_loss, 'g_loss': g_loss}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/31265',
    'title': 'No gradients provided for any variable (tapes of a GAN used wrongly)',
    'source_kind': 'variant', 'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'g_fc/kernel', 'layer': None, 'op': None, 'line': "fakes = sample_fakes(generator, sample['label'])"},
    'why': 'No tape was recording when the fakes were made.',
    'fix': 'Generate them inside of the tape of the generator.',
    'also': [{'input': None, 'variable': 'g_', 'layer': None, 'op': None, 'line': 'with tf.GradientTape() as g_tape:'},
             {'input': None, 'variable': 'class_embedding', 'layer': None, 'op': None, 'line': "fakes = sample_fakes(generator, sample['label'])"},
             {'input': None, 'variable': 'g_', 'layer': None, 'op': None, 'line': 'g_loss = as_real(discriminator(fakes, training=True))'},
             {'input': None, 'variable': 'g_', 'layer': None, 'op': None, 'line': 'return generator([tf.random.normal([len(labels), 6]), labels], training=True)'}],
}
