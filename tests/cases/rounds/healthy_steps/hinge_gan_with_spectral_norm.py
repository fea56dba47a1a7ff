"""A hinge GAN whose discriminator layers are spectrally normalised, conditioned on labels by a projection."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(13)
    z, label = keras.Input((4,)), keras.Input((), dtype='int32')
    h = keras.layers.Concatenate()([z, keras.layers.Embedding(3, 4, name='g_label')(label)])
    gen = keras.Model([z, label], keras.layers.Dense(6, name='g_out')(keras.layers.Dense(12, 'relu', name='g_hidden')(h)), name='generator')
    x, which = keras.Input((6,)), keras.Input((), dtype='int32')
    sn = lambda layer: keras.layers.SpectralNormalization(layer, name='sn_' + layer.name)
    f = keras.layers.LeakyReLU()(sn(keras.layers.Dense(12, name='d_hidden'))(x))
    inner = keras.layers.Dot(1)([f, keras.layers.Embedding(3, 12, name='d_label')(which)])
    disc = keras.Model([x, which], keras.layers.Add()([sn(keras.layers.Dense(1, use_bias=False, name='d_out'))(f), inner]), name='discriminator')
    return {'gen': gen, 'disc': disc, 'g_opt': keras.optimizers.Adam(1e-3, beta_1=0.0), 'd_opt': keras.optimizers.Adam(1e-3, beta_1=0.0)}


def sample():
    r = np.random.default_rng(0)
    return {'x': r.normal(size=(9, 6)).astype('float32'), 'z': r.normal(size=(9, 4)).astype('float32'), 'label': np.arange(9, dtype='int32') % 3}


def models(built):
    return [built['gen'], built['disc']]


def step(built, sample):
    gen, disc = built['gen'], built['disc']
    z, x, label = (tf.convert_to_tensor(sample[k]) for k in ('z', 'x', 'label'))
    fake = gen([z, label], training=True)
    with tf.GradientTape() as tape:
        real_score, fake_score = disc([x, label], training=True), disc([fake, label], training=True)
        d_loss = tf.reduce_mean(tf.nn.relu(1.0 - real_score)) + tf.reduce_mean(tf.nn.relu(1.0 + fake_score))
    built['d_opt'].apply_gradients(zip(tape.gradient(d_loss, disc.trainable_variables), disc.trainable_variables))
    with tf.GradientTape() as tape:
        g_loss = -tf.reduce_mean(disc([gen([z, label], training=True), label], training=False))
    built['g_opt'].apply_gradients(zip(tape.gradient(g_loss, gen.trainable_variables), gen.trainable_variables))
    return {'d_loss': d_loss, 'g_loss': g_loss}
