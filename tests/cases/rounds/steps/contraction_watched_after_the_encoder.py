"""Contractive autoencoder: the input is watched after the encoder has read it, and batch_jacobian answers with zeros."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((10, 10, 1), name='image')
    h = keras.layers.Flatten(name='encoder_flat')(x)
    h = keras.layers.Dense(20, activation='tanh', name='encoder_hidden')(h)
    encoder = keras.Model(x, keras.layers.Dense(4, name='encoder_code')(h), name='encoder')
    z = keras.Input((4,), name='code')
    h = keras.layers.Dense(20, activation='tanh', name='decoder_hidden')(z)
    h = keras.layers.Dense(100, name='decoder_pixels')(h)
    decoder = keras.Model(z, keras.layers.Reshape((10, 10, 1), name='decoder_image')(h), name='decoder')
    return {'encoder': encoder, 'decoder': decoder, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    return {'image': np.random.default_rng(0).uniform(size=(8, 10, 10, 1)).astype('float32')}


def models(built):
    return [built['encoder'], built['decoder']]


def step(built, sample):
    encoder, decoder = models(built)
    variables = encoder.trainable_variables + decoder.trainable_variables
    image = tf.convert_to_tensor(sample['image'])
    with tf.GradientTape() as tape:
        with tf.GradientTape() as jacobian_tape:
            code = encoder(image, training=True)
            jacobian_tape.watch(image)
        slopes = jacobian_tape.batch_jacobian(code, image)
        contraction = tf.reduce_mean(tf.reduce_sum(slopes ** 2, axis=[1, 2, 3, 4]))
        reconstruction = tf.reduce_mean((decoder(code, training=True) - image) ** 2)
        loss = reconstruction + 0.1 * contraction
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients(zip(grads, variables))
    return {'loss': loss, 'contraction': contraction}


def fixed_step(built, sample):
    encoder, decoder = models(built)
    variables = encoder.trainable_variables + decoder.trainable_variables
    image = tf.convert_to_tensor(sample['image'])
    with tf.GradientTape() as tape:
        with tf.GradientTape() as jacobian_tape:
            jacobian_tape.watch(image)
            code = encoder(image, training=True)
        slopes = jacobian_tape.batch_jacobian(code, image)
        contraction = tf.reduce_mean(tf.reduce_sum(slopes ** 2, axis=[1, 2, 3, 4]))
        reconstruction = tf.reduce_mean((decoder(code, training=True) - image) ** 2)
        loss = reconstruction + 0.1 * contraction
    grads = tape.gradient(loss, variables)
    built['optimizer'].apply_gradients(zip(grads, variables))
    return {'loss': loss, 'contraction': contraction}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/43043',
    'title': 'GradientTape.batch_jacobian of an unconnected target returns a zero matrix of float32',
    'source_kind': 'variant',
    'category': 'none_gradient',
    'culprit': {'input': 'image', 'variable': None, 'layer': 'encoder', 'op': None, 'line': 'jacobian_tape.watch(image)'},
    'why': 'watch only affects what is computed afterwards; the code is not connected with the image on that tape, and batch_jacobian hides that by zeros.',
    'fix': 'Watch the image before the encoder is called.',
}
EXPECT['also'] = [{'input': 'image', 'line': 'slopes = jacobian_tape.batch_jacobian(code, image)'}, {'input': 'image', 'line': 'code = encoder(image, training=True)'},
                  {'line': 'slopes = jacobian_tape.batch_jacobian(code, image)'}, {'line': 'jacobian_tape.watch(image)'}, {'line': 'code = encoder(image, training=True)'}]
