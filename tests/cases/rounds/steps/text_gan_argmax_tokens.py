"""Text GAN over an encoder-decoder: the discriminator embeds the argmax tokens of the generator."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    src = keras.Input((6,), dtype='int32', name='triples')
    e, state = keras.layers.GRU(16, return_sequences=True, return_state=True, name='g_encoder')(keras.layers.Embedding(20, 8, name='g_embed')(src))
    d = keras.layers.GRU(16, return_sequences=True, name='g_decoder')(e, initial_state=state)
    generator = keras.Model(src, keras.layers.Dense(20, name='g_vocab')(d), name='generator')
    tok = keras.Input((6, 20), name='tokens')
    h = keras.layers.GRU(16, name='d_gru')(keras.layers.Dense(8, use_bias=False, name='d_embed')(tok))
    discriminator = keras.Model(tok, keras.layers.Dense(1, name='d_out')(h), name='discriminator')
    return {'generator': generator, 'discriminator': discriminator, 'g_opt': keras.optimizers.Adam(1e-3), 'd_opt': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'triples': r.integers(0, 20, (8, 6)), 'text': r.integers(0, 20, (8, 6))}


def models(built):
    return [built['generator'], built['discriminator']]


bce = keras.losses.BinaryCrossentropy(from_logits=True)


def step(built, sample):
    generator, discriminator = built['generator'], built['discriminator']
    with tf.GradientTape() as gen_tape, tf.GradientTape() as disc_tape:
        logits = generator(sample['triples'], training=True)
        generated = tf.one_hot(tf.argmax(logits, axis=-1), 20)
        real_output = discriminator(tf.one_hot(sample['text'], 20), training=True)
        fake_output = discriminator(generated, training=True)
        disc_loss = bce(tf.ones_like(real_output), real_output) + bce(tf.zeros_like(fake_output), fake_output)
        gen_loss = bce(tf.ones_like(fake_output), fake_output)
    built['d_opt'].apply_gradients(zip(disc_tape.gradient(disc_loss, discriminator.trainable_variables), discriminator.trainable_variables))
    built['g_opt'].apply_gradients(zip(gen_tape.gradient(gen_loss, generator.trainable_variables), generator.trainable_variables))
    return gen_loss


def fixed_step(built, sample):
    generator, discriminator = built['generator'], built['discriminator']
    with tf.GradientTape() as gen_tape, tf.GradientTape() as disc_tape:
        soft = tf.nn.softmax(generator(sample['triples'], training=True) / 0.7)
        real = discriminator(tf.one_hot(sample['text'], 20), training=True)
        fake = discriminator(soft, training=True)
        disc_loss = bce(tf.ones_like(real), real) + bce(tf.zeros_like(fake), fake)
        gen_loss = bce(tf.ones_like(fake), fake)
    built['d_opt'].apply_gradients(zip(disc_tape.gradient(disc_loss, discriminator.trainable_variables), discriminator.trainable_variables))
    built['g_opt'].apply_gradients(zip(gen_tape.gradient(gen_loss, generator.trainable_variables), generator.trainable_variables))
    return gen_loss


EXPECT = {
    'source': 'https://github.com/dbpedia/RDF2text-GAN/issues/1',
    'title': 'Generator Gradient tape not calculating gradients', 'source_kind': 'report', 'category': 'nondifferentiable_op',
    'culprit': {'input': None, 'variable': 'g_vocab/kernel', 'layer': None, 'op': 'ArgMax', 'line': 'generated = tf.one_hot(tf.argmax(logits, axis=-1), 20)'},
    'why': 'argmax makes integers; no gradient comes back from the discriminator to the generator.',
    'fix': 'Feed a (Gumbel-)softmax of the logits.',
    'also': [{'variable': 'g_', 'op': 'OneHot', 'line': 'generated = tf.one_hot('}, {'variable': 'g_', 'op': None, 'line': 'generated = tf.one_hot('},
             {'variable': 'g_', 'op': 'ArgMax', 'line': None}, {'variable': 'g_', 'op': None, 'line': 'fake_output = discriminator(generated, training=True)'},
             {'layer': 'generator', 'op': None, 'line': 'generated = tf.one_hot(', 'variable': None}],
}
