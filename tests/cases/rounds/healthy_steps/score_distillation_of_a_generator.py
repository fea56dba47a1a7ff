"""Score distillation: the residual of a frozen denoiser, stopped, is pushed into the generator."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(9)
    z = keras.Input((4,), name='z')
    generator = keras.Model({'z': z}, keras.layers.Dense(16, name='picture')(keras.layers.Dense(12, activation='silu', name='g')(z)), name='generator')
    noisy, level = keras.Input((16,), name='noisy'), keras.Input((1,), name='level')
    d = keras.layers.Dense(20, activation='silu', name='d')(keras.layers.Concatenate()([noisy, level]))
    denoiser = keras.Model({'noisy': noisy, 'level': level}, keras.layers.Dense(16, name='noise')(d), name='denoiser')
    denoiser.trainable = False
    return {'generator': generator, 'denoiser': denoiser, 'optimizer': keras.optimizers.Adam(1e-3)}


def sample():
    r = np.random.default_rng(9)
    return {'z': r.normal(size=(8, 4)).astype('float32'), 'level': r.uniform(0.1, 0.9, (8, 1)).astype('float32'), 'noise': r.normal(size=(8, 16)).astype('float32')}


def models(built):
    return [built['generator']]


def step(built, sample):
    generator = built['generator']
    with tf.GradientTape() as tape:
        picture = generator({'z': sample['z']}, training=True)
        level = tf.convert_to_tensor(sample['level'])
        a, s = tf.cos(level), tf.sin(level)
        noisy = a * picture + s * sample['noise']
        residual = built['denoiser']({'noisy': noisy, 'level': level}, training=False) - sample['noise']
        goal = tf.stop_gradient(picture - s ** 2 * residual)
        loss = 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(picture - goal), -1))
    grads = tape.gradient(loss, generator.trainable_variables)
    built['optimizer'].apply_gradients(zip(grads, generator.trainable_variables))
    return {'loss': loss, 'grads': {v.path: g for v, g in zip(generator.trainable_variables, grads)}}
