"""Diffusion: random integer times, sinusoidal features, a FiLM-conditioned network that predicts the noise, EMA weights after the update."""
import numpy as np
import tensorflow as tf
import keras

NOTES = dict(family='diffusion', why_hard='the noise is both input and target; integer times go through gather and cast; FiLM scale around one', legit_nongradient=[])

STEPS = 50
ALPHA_BAR = np.cumprod(1.0 - np.linspace(1e-3, 0.1, STEPS)).astype('float32')


def denoiser(name):
    x, t = keras.Input((16, 2), name='noisy'), keras.Input((8,), name='time')
    e = keras.layers.Dense(16, activation='swish', name=f'{name}_time')(t)
    scale = keras.layers.Reshape((1, 8), name=f'{name}_s')(keras.layers.Dense(8, name=f'{name}_scale')(e))
    shift = keras.layers.Reshape((1, 8), name=f'{name}_b')(keras.layers.Dense(8, name=f'{name}_shift')(e))
    h = keras.layers.Conv1D(8, 3, padding='same', name=f'{name}_in')(x)
    h = keras.activations.swish(h * (1.0 + scale) + shift)
    h = h + keras.layers.Conv1D(8, 3, padding='same', activation='swish', name=f'{name}_mid')(h)
    return keras.Model({'noisy': x, 'time': t}, keras.layers.Conv1D(2, 3, padding='same', name=f'{name}_eps')(h), name=name)


def build():
    keras.utils.set_random_seed(19)
    net, ema = denoiser('net'), denoiser('ema')
    ema.set_weights(net.get_weights())
    ema.trainable = False
    return {'net': net, 'ema': ema, 'optimizer': keras.optimizers.AdamW(1e-3, weight_decay=1e-4, clipnorm=1.0)}


def sample():
    r = np.random.default_rng(19)
    return {'track': np.cumsum(0.2 * r.normal(size=(8, 16, 2)), 1).astype('float32'),
            'noise': r.normal(size=(8, 16, 2)).astype('float32'), 't': r.integers(0, STEPS, 8).astype('int32')}


def models(built):
    return [built['net']]


def features(t):
    angle = tf.cast(t, tf.float32)[:, None] * tf.exp(-tf.range(4.0) * 1.5)[None]
    return tf.concat([tf.sin(angle), tf.cos(angle)], -1)


def step(built, sample):
    net, ema = built['net'], built['ema']
    a = tf.gather(ALPHA_BAR, sample['t'])[:, None, None]
    noisy = tf.sqrt(a) * sample['track'] + tf.sqrt(1.0 - a) * sample['noise']
    with tf.GradientTape() as tape:
        predicted = net({'noisy': noisy, 'time': features(sample['t'])}, training=True)
        loss = tf.reduce_mean(tf.square(predicted - sample['noise']))
    grads = tape.gradient(loss, net.trainable_variables)
    built['optimizer'].apply(grads, net.trainable_variables)
    for slow, fast in zip(ema.variables, net.variables):
        slow.assign(0.999 * slow + 0.001 * fast)
    return loss
