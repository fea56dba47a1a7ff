"""GAN with R1 regularisation: the penalty is computed before the discriminator's tape opens and enters the loss as a constant."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(3)
    z = keras.Input((6,), name='noise')
    h = keras.layers.Dense(4 * 4 * 4, activation='relu', name='g_fc')(z)
    h = keras.layers.Reshape((4, 4, 4), name='g_reshape')(h)
    generator = keras.Model(z, keras.layers.Conv2DTranspose(1, 4, 2, 'same', activation='tanh', name='g_up')(h), name='generator')
    x = keras.Input((8, 8, 1), name='image')
    h = keras.layers.Conv2D(8, 4, 2, 'same', activation='swish', name='d_conv')(x)
    h = keras.layers.Flatten(name='d_flat')(h)
    discriminator = keras.Model(x, keras.layers.Dense(1, name='d_logit')(h), name='discriminator')
    return {'generator': generator, 'discriminator': discriminator,
            'g_optimizer': keras.optimizers.SGD(1e-2), 'd_optimizer': keras.optimizers.SGD(1e-2)}


def sample():
    r = np.random.default_rng(3)
    return {'noise': r.normal(size=(6, 6)).astype('float32'), 'image': np.tanh(r.normal(size=(6, 8, 8, 1))).astype('float32')}


def models(built):
    return [built['generator'], built['discriminator']]


GAMMA = 10.0


def r1_penalty(discriminator, images):
    images = tf.convert_to_tensor(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        score = tf.reduce_sum(discriminator(images, training=True))
    grads = tape.gradient(score, images)
    return tf.reduce_mean(tf.reduce_sum(tf.square(grads), axis=[1, 2, 3]))


def generator_update(built, sample):
    generator, discriminator = built['generator'], built['discriminator']
    with tf.GradientTape() as tape:
        g_loss = tf.reduce_mean(tf.nn.softplus(-discriminator(generator(sample['noise'], training=True), training=True)))
    weights = generator.trainable_variables
    built['g_optimizer'].apply_gradients(zip(tape.gradient(g_loss, weights), weights))
    return g_loss


def step(built, sample):
    generator, discriminator = built['generator'], built['discriminator']
    fakes = generator(sample['noise'], training=True)
    penalty = r1_penalty(discriminator, sample['image'])
    with tf.GradientTape() as d_tape:
        real = discriminator(sample['image'], training=True)
        fake = discriminator(fakes, training=True)
        d_loss = tf.reduce_mean(tf.nn.softplus(fake)) + tf.reduce_mean(tf.nn.softplus(-real))
        d_loss += 0.5 * GAMMA * penalty
    weights = discriminator.trainable_variables
    built['d_optimizer'].apply_gradients(zip(d_tape.gradient(d_loss, weights), weights))
    return {'d_loss': d_loss, 'r1': penalty, 'g_loss': generator_update(built, sample)}


def fixed_step(built, sample):
    generator, discriminator = built['generator'], built['discriminator']
    fakes = generator(sample['noise'], training=True)
    with tf.GradientTape() as d_tape:
        real = discriminator(sample['image'], training=True)
        fake = discriminator(fakes, training=True)
        d_loss = tf.reduce_mean(tf.nn.softplus(fake)) + tf.reduce_mean(tf.nn.softplus(-real))
        d_loss += 0.5 * GAMMA * r1_penalty(discriminator, sample['image'])
    weights = discriminator.trainable_variables
    built['d_optimizer'].apply_gradients(zip(d_tape.gradient(d_loss, weights), weights))
    return {'d_loss': d_loss, 'g_loss': generator_update(built, sample)}


EXPECT = {
    'source': 'https://github.com/ooples/AiDotNet/issues/1844',
    'title': 'WGAN-GP gradient penalty not backpropagating into discriminator weights',
    'source_kind': 'variant',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'd_conv/kernel', 'layer': 'discriminator', 'op': None,
                'line': "penalty = r1_penalty(discriminator, sample['image'])"},
    'why': 'The tape did not record how the penalty came about; it is a constant in d_loss and does not regularise the discriminator.',
    'fix': 'Compute the penalty inside of the block of d_tape.',
    'symptom': [('custom', 'penalty without effect')],
    'also': [
        {'variable': 'd_', 'layer': None, 'line': "penalty = r1_penalty(discriminator, sample['image'])"},
        {'variable': 'd_', 'layer': None, 'line': 'd_loss += 0.5 * GAMMA * penalty'},
        {'variable': 'd_', 'layer': None, 'line': 'grads = tape.gradient(score, images)'},
        {'variable': None, 'layer': 'discriminator', 'line': 'grads = tape.gradient(score, images)'},
        {'variable': None, 'layer': None, 'line': 'penalty = r1_penalty(discriminator'},
    ],
}
