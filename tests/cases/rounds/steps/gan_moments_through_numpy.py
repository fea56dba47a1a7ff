"""GAN on a 1-D distribution: the discriminator sees four moments of the batch that are computed with NumPy, so the generator gets nothing."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    z = keras.Input((1,), name='noise')
    h = keras.layers.Dense(8, activation='elu', name='g_map1')(z)
    h = keras.layers.Dense(8, activation='sigmoid', name='g_map2')(h)
    generator = keras.Model(z, keras.layers.Dense(1, name='g_map3')(h), name='generator')
    m = keras.Input((4,), name='moments')
    h = keras.layers.Dense(8, activation='elu', name='d_map1')(m)
    discriminator = keras.Model(m, keras.layers.Dense(1, name='d_map2')(h), name='discriminator')
    return {'G': generator, 'D': discriminator, 'g_opt': keras.optimizers.Adam(2e-4), 'd_opt': keras.optimizers.Adam(2e-4)}


def sample():
    r = np.random.default_rng(0)
    return {'real': r.normal(4.0, 1.25, size=(64, 1)).astype('float32'), 'noise': r.random((64, 1)).astype('float32')}


def models(built):
    return [built['G'], built['D']]


def get_moments(d):
    mean = np.mean(d)
    std = np.std(d)
    z = (d - mean) / std
    return np.array([[mean, std, np.mean(z ** 3), np.mean(z ** 4) - 3.0]], dtype='float32')


def tf_moments(d):
    mean, var = tf.nn.moments(tf.reshape(d, [-1]), axes=0)
    std = tf.sqrt(var)
    z = (d - mean) / std
    return tf.stack([mean, std, tf.reduce_mean(z ** 3), tf.reduce_mean(z ** 4) - 3.0])[None]


criterion = keras.losses.BinaryCrossentropy(from_logits=True)


def step(built, sample):
    G, D = built['G'], built['D']
    with tf.GradientTape() as tape:
        real_decision = D(get_moments(sample['real']), training=True)
        fake_decision = D(get_moments(G(sample['noise'], training=False).numpy()), training=True)
        d_error = criterion(tf.ones((1, 1)), real_decision) + criterion(tf.zeros((1, 1)), fake_decision)
    d_grads = tape.gradient(d_error, D.trainable_variables)
    built['d_opt'].apply_gradients(zip(d_grads, D.trainable_variables))
    with tf.GradientTape() as tape:
        g_fake = G(sample['noise'], training=True)
        dg_decision = D(get_moments(g_fake.numpy()), training=True)
        g_error = criterion(tf.ones((1, 1)), dg_decision)
    g_grads = tape.gradient(g_error, G.trainable_variables)
    built['g_opt'].apply_gradients(zip(g_grads, G.trainable_variables))
    return {'d_error': d_error, 'g_error': g_error}


def fixed_step(built, sample):
    G, D = built['G'], built['D']
    with tf.GradientTape() as tape:
        real_decision = D(tf_moments(sample['real']), training=True)
        fake_decision = D(tf_moments(G(sample['noise'], training=False)), training=True)
        d_error = criterion(tf.ones((1, 1)), real_decision) + criterion(tf.zeros((1, 1)), fake_decision)
    d_grads = tape.gradient(d_error, D.trainable_variables)
    built['d_opt'].apply_gradients(zip(d_grads, D.trainable_variables))
    with tf.GradientTape() as tape:
        g_fake = G(sample['noise'], training=True)
        g_error = criterion(tf.ones((1, 1)), D(tf_moments(g_fake), training=True))
    g_grads = tape.gradient(g_error, G.trainable_variables)
    built['g_opt'].apply_gradients(zip(g_grads, G.trainable_variables))
    return {'d_error': d_error, 'g_error': g_error}


EXPECT = {
    'source': 'https://github.com/tensorflow/tensorflow/issues/31919',
    'title': 'tf.GradientTape().tape() is returning None on the generator loss',
    'source_kind': 'report',
    'category': 'none_gradient',
    'culprit': {'input': None, 'variable': 'g_map3/kernel', 'layer': None, 'op': None,
                'line': 'dg_decision = D(get_moments(g_fake.numpy()), training=True)'},
    'why': 'The fake batch leaves TensorFlow (.numpy(), np.mean ...) before the discriminator reads it; all gradients of the generator are None.',
    'fix': 'Compute the moments with TensorFlow functions.',
    'symptom': [('none', 'g_map')],
    'also': [
        {'variable': 'g_map', 'line': 'mean = np.mean(d)'},
        {'variable': 'g_map', 'line': 'std = np.std(d)'},
        {'variable': 'g_map', 'line': 'return np.array([[mean, std'},
        {'variable': 'g_map', 'line': 'z = (d - mean) / std'},
        {'layer': 'generator', 'line': 'get_moments(g_fake.numpy())'},
        {'variable': 'g_map', 'line': 'g_grads = tape.gradient(g_error, G.trainable_variables)', 'severity': 'warning'},
    ],
}
