"""A style generator with path-length regularisation: the inner tape differentiates towards the style inside of the outer tape."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(14)
    mapping = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6, 'softplus', name='map1'), keras.layers.Dense(6, name='map2')], name='mapping')
    synthesis = keras.Sequential([keras.Input((6,)), keras.layers.Dense(16, 'softplus', name='syn1'), keras.layers.Reshape((4, 4, 1)),
                                  keras.layers.Conv2DTranspose(1, 3, strides=2, padding='same', name='syn2')], name='synthesis')
    critic = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, strides=2, activation='softplus', name='cr1'), keras.layers.Flatten(),
                               keras.layers.Dense(1, name='cr2')], name='critic')
    return {'mapping': mapping, 'synthesis': synthesis, 'critic': critic, 'length': tf.Variable(0.0, trainable=False),
            'g_opt': keras.optimizers.Adam(1e-3), 'd_opt': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(0)
    return {'z': r.normal(size=(5, 4)).astype('float32'), 'x': r.normal(size=(5, 8, 8, 1)).astype('float32')}


def models(built):
    return [built['mapping'], built['synthesis'], built['critic']]


def step(built, sample):
    g_vars = built['mapping'].trainable_variables + built['synthesis'].trainable_variables
    with tf.GradientTape() as tape:
        style = built['mapping'](sample['z'], training=True)
        with tf.GradientTape() as inner:
            inner.watch(style)
            image = built['synthesis'](style, training=True)
            projected = tf.reduce_sum(image * tf.random.normal(tf.shape(image), seed=3)) / 8.0
        slope = inner.gradient(projected, style)
        lengths = tf.sqrt(tf.reduce_sum(tf.square(slope), axis=1) + 1e-8)
        average = built['length'] + 0.01 * (tf.reduce_mean(lengths) - built['length'])
        penalty = tf.reduce_mean(tf.square(lengths - tf.stop_gradient(average)))
        g_loss = tf.reduce_mean(tf.nn.softplus(-built['critic'](image))) + 2.0 * penalty
    built['g_opt'].apply_gradients(zip(tape.gradient(g_loss, g_vars), g_vars))
    built['length'].assign(average)
    fake, d_vars = tf.stop_gradient(image), built['critic'].trainable_variables
    with tf.GradientTape() as tape:
        d_loss = tf.reduce_mean(tf.nn.softplus(built['critic'](fake)) + tf.nn.softplus(-built['critic'](sample['x'])))
    built['d_opt'].apply_gradients(zip(tape.gradient(d_loss, d_vars), d_vars))
    return {'g_loss': g_loss, 'd_loss': d_loss, 'penalty': penalty}
