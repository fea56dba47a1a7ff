"""GAN: the discriminator is set untrainable to build the combined model, and the step that is to train it finds no variables."""
import numpy as np
import tensorflow as tf
import keras


def build(freeze=True):
    keras.utils.set_random_seed(23)
    z = keras.Input((5,), name='noise')
    h = keras.layers.Dense(16, activation='leaky_relu', name='g_fc')(z)
    generator = keras.Model(z, keras.layers.Dense(9, activation='tanh', name='g_row')(h), name='generator')
    x = keras.Input((9,), name='row')
    h = keras.layers.Dense(16, activation='leaky_relu', name='d_fc')(x)
    discriminator = keras.Model(x, keras.layers.Dense(1, name='d_logit')(h), name='discriminator')
    if freeze:
        discriminator.trainable = False
    noise = keras.Input((5,), name='noise')
    combined = keras.Model(noise, discriminator(generator(noise)), name='combined')
    return {'generator': generator, 'discriminator': discriminator, 'combined': combined,
            'g_opt': keras.optimizers.Adam(2e-4, beta_1=0.5), 'd_opt': keras.optimizers.Adam(2e-4, beta_1=0.5)}


def fixed():
    return build(freeze=False)


def sample():
    r = np.random.default_rng(23)
    return {'noise': r.normal(size=(16, 5)).astype('float32'), 'row': np.tanh(r.normal(size=(16, 9))).astype('float32')}


def models(built):
    return [built['generator'], built['discriminator']]


bce = keras.losses.BinaryCrossentropy(from_logits=True)


def step(built, sample):
    generator, discriminator, combined = built['generator'], built['discriminator'], built['combined']
    fake = generator(sample['noise'], training=False)
    with tf.GradientTape() as tape:
        real_logit = discriminator(sample['row'], training=True)
        fake_logit = discriminator(fake, training=True)
        d_loss = 0.5 * (bce(tf.ones_like(real_logit), real_logit) + bce(tf.zeros_like(fake_logit), fake_logit))
    d_grads = tape.gradient(d_loss, discriminator.trainable_variables)
    built['d_opt'].apply(d_grads, discriminator.trainable_variables)
    with tf.GradientTape() as tape:
        verdict = combined(sample['noise'], training=True)
        g_loss = bce(tf.ones_like(verdict), verdict)
    g_grads = tape.gradient(g_loss, generator.trainable_variables)
    built['g_opt'].apply(g_grads, generator.trainable_variables)
    return {'d_loss': d_loss, 'g_loss': g_loss}


def fixed_step(built, sample):
    return step(built, sample)

EXPECT = {
    'source': 'https://github.com/eriklindernoren/Keras-GAN/issues/22',
    'title': 'Keras setting discriminator to non-trainable forever',
    'source_kind': 'variant',
    'category': 'frozen',
    'culprit': {'input': None, 'variable': 'd_fc/kernel', 'layer': 'discriminator', 'op': None, 'line': 'discriminator.trainable = False'},
    'why': 'trainable_variables of the frozen discriminator is empty: its optimizer is given nothing, in silence.',
    'fix': "Do not freeze it; the generator's update takes only the generator's variables anyway.",
    'symptom': [('unmoved', 'd_')],
    'also': [
        {'variable': 'd_', 'layer': None, 'line': 'discriminator.trainable = False'},
        {'variable': None, 'layer': 'discriminator', 'line': 'd_grads = tape.gradient(d_loss, discriminator.trainable_variables)'},
        {'variable': 'd_', 'layer': None, 'line': 'd_grads = tape.gradient(d_loss, discriminator.trainable_variables)'},
        {'variable': None, 'layer': 'discriminator', 'line': "built['d_opt'].apply(d_grads, discriminator.trainable_variables)"},
        {'variable': 'd_', 'layer': None, 'line': "built['d_opt'].apply(d_grads, discriminator.trainable_variables)"},
        {'variable': None, 'layer': None, 'line': 'd_grads = tape.gradient(d_loss, discriminator.trainable_variables)'},
    ],
}
