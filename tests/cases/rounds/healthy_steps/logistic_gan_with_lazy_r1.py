"""GAN: non-saturating logistic losses, one tape for each network, and an R1 penalty every second step."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(0)
    z = keras.Input((6,), name='noise')
    h = keras.layers.Reshape((4, 4, 4), name='g_grid')(keras.layers.Dense(64, activation='relu', name='g_dense')(z))
    g = keras.Model(z, keras.layers.Conv2DTranspose(1, 4, strides=2, padding='same', activation='tanh', name='g_out')(h), name='generator')
    x = keras.Input((8, 8, 1), name='picture')
    h = keras.layers.Conv2D(8, 3, strides=2, activation='leaky_relu', name='d_conv')(x)
    d = keras.Model(x, keras.layers.Dense(1, name='d_out')(keras.layers.Flatten(name='d_flat')(h)), name='discriminator')
    return {'g': g, 'd': d, 'g_opt': keras.optimizers.Adam(2e-4, beta_1=0.0), 'd_opt': keras.optimizers.Adam(2e-4, beta_1=0.0), 'count': tf.Variable(0, trainable=False)}


def sample():
    r = np.random.default_rng(0)
    return {'noise': r.normal(size=(6, 6)).astype('float32'), 'real': np.tanh(r.normal(size=(6, 8, 8, 1))).astype('float32')}


def models(built):
    return [built['g'], built['d']]


def r1(d, real):
    with tf.GradientTape() as inner:
        inner.watch(real)
        score = tf.reduce_sum(d(real, training=True))
    slopes = inner.gradient(score, real)
    return tf.reduce_mean(tf.reduce_sum(tf.square(slopes), axis=[1, 2, 3]))


def step(built, sample):
    g, d = built['g'], built['d']
    real = tf.convert_to_tensor(sample['real'])
    with tf.GradientTape() as d_tape:
        fake = tf.stop_gradient(g(sample['noise'], training=True))
        d_loss = tf.reduce_mean(tf.nn.softplus(-d(real, training=True))) + tf.reduce_mean(tf.nn.softplus(d(fake, training=True)))
        if int(built['count']) % 2 == 0:
            d_loss += 5.0 * r1(d, real)
    built['d_opt'].apply_gradients(zip(d_tape.gradient(d_loss, d.trainable_variables), d.trainable_variables))
    with tf.GradientTape() as g_tape:
        g_loss = tf.reduce_mean(tf.nn.softplus(-d(g(sample['noise'], training=True), training=True)))
    built['g_opt'].apply_gradients(zip(g_tape.gradient(g_loss, g.trainable_variables), g.trainable_variables))
    built['count'].assign_add(1)
    return {'d_loss': d_loss, 'g_loss': g_loss}
