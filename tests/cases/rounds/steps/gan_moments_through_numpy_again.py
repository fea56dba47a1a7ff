"""Distribution GAN: the discriminator reads four moments of the fake batch, which are computed with NumPy inside of the tape."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    z = keras.Input((2,), name='noise')
    h = keras.layers.Dense(16, activation='tanh', name='g_hidden')(z)
    generator = keras.Model(z, keras.layers.Dense(1, name='g_out')(h), name='generator')
    m = keras.Input((4,), name='moments')
    h = keras.layers.Dense(16, activation='tanh', name='d_hidden')(m)
    discriminator = keras.Model(m, keras.layers.Dense(1, name='d_out')(h), name='discriminator')
    return {'G': generator, 'D': discriminator, 'g_opt': keras.optimizers.SGD(0.01), 'd_opt': keras.optimizers.SGD(0.01)}


def sample():
    r = np.random.default_rng(0)
    return {'noise': r.uniform(size=(64, 2)).astype('float32'), 'real': r.normal(4., 1.25, size=(64, 1)).astype('float32')}


def models(built):
    return [built['G'], built['D']]


def get_moments(d):
    mean, std = np.mean(d), np.std(d)
    z = (d - mean) / std
    return np.array([mean, std, np.mean(z ** 3), np.mean(z ** 4) - 3.0], 'float32')


def tf_moments(d):
    mean, std = tf.reduce_mean(d), tf.math.reduce_std(d)
    z = (d - mean) / std
    return tf.stack([mean, std, tf.reduce_mean(z ** 3), tf.reduce_mean(z ** 4) - 3.0])[None]


bce = keras.losses.BinaryCrossentropy(from_logits=True)


def train_discriminator(built, sample):
    G, D = built['G'], built['D']
    with tf.GradientTape() as tape:
        real = D(tf_moments(tf.constant(sample['real'])))
        fake = D(tf_moments(tf.stop_gradient(G(sample['noise']))))
        d_error = bce(tf.ones_like(real), real) + bce(tf.zeros_like(fake), fake)
    built['d_opt'].apply_gradients(zip(tape.gradient(d_error, D.trainable_variables), D.trainable_variables))


def step(built, sample):
    G, D = built['G'], built['D']
    train_discriminator(built, sample)
    with tf.GradientTape() as tape:
        g_fake_data = G(sample['noise'])
        dg_fake_decision = D(get_moments(g_fake_data.numpy().T).reshape((1, 4)))
        g_error = bce(tf.ones_like(dg_fake_decision), dg_fake_decision)
    grads = tape.gradient(g_error, G.trainable_variables)
    built['g_opt'].apply_gradients(zip(grads, G.trainable_variables))
    return g_error


def fixed_step(built, sample):
    G, D = built['G'], built['D']
    train_discriminator(built, sample)
    with tf.GradientTape() as tape:
        decision = D(tf_moments(G(sample['noise'])))
        g_error = bce(tf.ones_like(decision), decision)
    built['g_opt'].apply_gradients(zip(tape.gradient(g_error, G.trainable_variables), G.trainable_variables))
    return g_error


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/31919',
    'title': 'tf.GradientTape returns None on the generator loss', 'source_kind': 'report', 'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'g_hidden/kernel', 'layer': None, 'op': None,
                'line': 'dg_fake_decision = D(get_moments(g_fake_data.numpy().T).reshape((1, 4)))'},
    'why': "The fake batch becomes a NumPy array before its moments are taken; the tape sees a constant, so the generator's gradients are None.",
    'fix': 'Compute the moments with TensorFlow operations.',
    'also': [{'variable': 'g_', 'line': "return np.array([mean, std, np.mean(z ** 3), np.mean(z ** 4) - 3.0], 'float32')"},
             {'variable': 'g_', 'line': 'mean, std = np.mean(d), np.std(d)'},
             {'layer': 'generator', 'line': 'dg_fake_decision = D(get_moments('},
             {'layer': 'discriminator', 'line': 'dg_fake_decision = D(get_moments(', 'variable': None}],
}
