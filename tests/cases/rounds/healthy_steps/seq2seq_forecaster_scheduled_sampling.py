"""Quantile forecaster: autoregressive decoder that is fed a stopped prediction or the truth by a coin."""
import numpy as np
import tensorflow as tf
import keras


def build():
    keras.utils.set_random_seed(110)
    x = keras.Input((10, 2), name='history')
    _, s = keras.layers.GRU(12, return_state=True, name='enc')(x)
    encoder = keras.Model(x, s, name='encoder')
    cell_x, cell_s = keras.Input((1,), name='last'), keras.Input((12,), name='state')
    out, new = keras.layers.GRUCell(12, name='cell')(cell_x, [cell_s])
    q = keras.layers.Dense(3, name='quantiles')(out)
    decoder = keras.Model([cell_x, cell_s], [q, new[0] if isinstance(new, (list, tuple)) else new], name='decoder')
    return {'encoder': encoder, 'decoder': decoder, 'optimizer': keras.optimizers.Adam(2e-3)}


def sample():
    r = np.random.default_rng(110)
    walk = np.cumsum(r.normal(size=(8, 15, 2)), 1).astype('float32')
    return {'history': walk[:, :10], 'y': walk[:, 10:, 0]}


def models(built):
    return [built['encoder'], built['decoder']]


def pinball(y, q, levels=(0.1, 0.5, 0.9)):
    error = y[..., None] - q
    levels = tf.constant(levels)
    return tf.reduce_mean(tf.maximum(levels * error, (levels - 1.) * error))


def rollout(built, history, future, coin):
    state, last = built['encoder'](history, training=True), history[:, -1:, 0]
    steps = []
    for t in range(future.shape[1]):
        q, state = built['decoder']([last, state], training=True)
        steps.append(q)
        last = future[:, t:t + 1] if coin[t] else tf.stop_gradient(q[:, 1:2])
    return tf.stack(steps, 1)


def step(built, sample, teacher_forcing=0.5):
    weights = [v for m in models(built) for v in m.trainable_variables]
    mean, std = sample['history'][..., :1].mean(), sample['history'].std() + 1e-6
    scaled = {k: tf.constant((v - mean) / std, tf.float32) for k, v in sample.items()}
    coin = np.random.default_rng(0).uniform(size=sample['y'].shape[1]) < teacher_forcing
    with tf.GradientTape() as tape:
        q = rollout(built, scaled['history'], scaled['y'], coin)
        loss = pinball(scaled['y'], q)
    gradients = tape.gradient(loss, weights)
    built['optimizer'].apply_gradients(zip(gradients, weights))
    coverage = np.mean((q[..., 0].numpy() * std + mean < sample['y']) & (sample['y'] < q[..., 2].numpy() * std + mean))
    return {'loss': loss, 'coverage': coverage}


NOTES = dict(family='time series', why_hard='stop_gradient on the fed back prediction', legit_nongradient=[])
