"""Wake-sleep: sampled binary causes train the generator, dreams of the generator train the recogniser."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(15)
    v = keras.Input((12,), name='v')
    recognise = keras.Model({'v': v}, keras.layers.Dense(5, name='causes')(v), name='recognise')
    h = keras.Input((5,), name='h')
    generate = keras.Model({'h': h}, keras.layers.Dense(12, name='pixels')(h), name='generate')
    return {'recognise': recognise, 'generate': generate, 'opt_r': keras.optimizers.SGD(0.1), 'opt_g': keras.optimizers.SGD(0.1)}


def sample():
    r = np.random.default_rng(15)
    return {'v': r.integers(0, 2, (10, 12)).astype('float32')}


def models(built):
    return [built['recognise'], built['generate']]


def flip(logits, seed):
    return tf.cast(tf.random.stateless_uniform(tf.shape(logits), seed) < tf.nn.sigmoid(logits), tf.float32)


def step(built, sample):
    recognise, generate = models(built)
    causes = flip(recognise({'v': sample['v']}, training=False), (1, 5))
    with tf.GradientTape() as wake:
        wake_loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(sample['v'], generate({'h': causes}, training=True)))
    g = wake.gradient(wake_loss, generate.trainable_variables)
    dreamt = tf.cast(tf.random.stateless_uniform((10, 5), (2, 5)) < 0.5, tf.float32)
    fantasy = flip(generate({'h': dreamt}, training=False), (3, 5))
    with tf.GradientTape() as sleep:
        sleep_loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(dreamt, recognise({'v': fantasy}, training=True)))
    r = sleep.gradient(sleep_loss, recognise.trainable_variables)
    built['opt_g'].apply_gradients(zip(g, generate.trainable_variables))
    built['opt_r'].apply_gradients(zip(r, recognise.trainable_variables))
    return {'loss': wake_loss + sleep_loss, 'grads': {v.path: x for v, x in zip(generate.trainable_variables + recognise.trainable_variables, g + r)}}
