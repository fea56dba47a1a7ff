"""Training steps that differentiate more than once: nested tapes, second passes, pieces of sequences."""

from __future__ import annotations

# ruff: noqa: B905 - as users write their steps
import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tests.checking.steps.public import f32, mlp


# WGAN-GP; the last kernel of the generator has the shape of a batch
def gradient_penalty(bad):
    gen, critic = mlp(3, 5, "gen", "tanh"), mlp(5, 1, "critic", "tanh")
    opt = keras.optimizers.Adam(1e-4, beta_1=0.0)

    def step(real):
        fake = gen(tf.random.normal([8, 3]), training=True)
        with tf.GradientTape() as tape:
            alpha = tf.random.uniform([8, 1])
            x_hat = alpha * real + (1 - alpha) * fake
            with tf.GradientTape() as inner:
                if not bad:
                    inner.watch(x_hat)
                score = critic(x_hat, training=True)
            slope = inner.gradient(score, x_hat)  # <- GL607
            norm = tf.sqrt(tf.reduce_sum(tf.square(slope), axis=1) + 1e-12)
            loss = tf.reduce_mean(critic(fake)) - tf.reduce_mean(critic(real)) + 10.0 * tf.reduce_mean((norm - 1) ** 2)
        opt.apply_gradients(zip(tape.gradient(loss, critic.trainable_variables), critic.trainable_variables))

    return step, (tf.constant(f32(8, 5)),), dict(models=[critic])


# MAML, with fast weights by hand
def maml(bad):
    net = mlp(5, 1, "net", "tanh")
    opt = keras.optimizers.Adam(1e-3)

    def predict(x, w):
        return tf.tanh(x @ w[0] + w[1]) @ w[2] + w[3]

    def step(xs, ys, xq, yq):
        with tf.GradientTape() as outer:
            weights = [tf.convert_to_tensor(w) for w in net.trainable_variables]
            with tf.GradientTape() as inner:
                inner.watch(weights)
                loss = tf.reduce_mean((predict(xs, weights) - ys) ** 2)
            fast = [w - 0.01 * g for w, g in zip(weights, inner.gradient(loss, weights))]
            if bad:
                fast = [tf.Variable(w) for w in fast]  # <- GL609
            loss = tf.reduce_mean((predict(xq, fast) - yq) ** 2)
        opt.apply_gradients(zip(outer.gradient(loss, net.trainable_variables), net.trainable_variables))

    return step, (f32(8, 5), f32(8, 1), f32(8, 5), f32(8, 1)), dict(models=[net])


# SAM
def sharpness(bad):
    net = mlp(5, 3, "net", "tanh")
    opt = keras.optimizers.SGD(0.05)
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def step(x, y):
        variables = net.trainable_variables
        with tf.GradientTape() as tape:
            loss = cross_entropy(y, net(x, training=True))
        gradients = tape.gradient(loss, variables)
        norm = tf.linalg.global_norm(gradients)
        for v, g in zip(variables, gradients):
            v.assign_add(0.05 * g / (norm + 1e-12))
        again = tape if bad else tf.GradientTape()
        if bad:
            loss = cross_entropy(y, net(x, training=True))
        else:
            with again:
                loss = cross_entropy(y, net(x, training=True))
        sharp = again.gradient(loss, variables)  # <- GL611
        for v, g in zip(variables, gradients):
            v.assign_sub(0.05 * g / (norm + 1e-12))
        opt.apply_gradients(zip(sharp, variables))

    return step, (f32(8, 5), np.arange(8) % 3), dict(models=[net])


# truncated backpropagation through time
def truncated(bad):
    cell, out = layers.LSTMCell(6), mlp(6, 3, "out", "tanh")
    cell.build((None, 3))
    opt = keras.optimizers.Adam()

    def step(x):
        state = [tf.zeros([4, 6]), tf.zeros([4, 6])]
        for chunk in (x[:, :3], x[:, 3:]):
            state = [tf.stop_gradient(s) for s in state]
            with tf.GradientTape() as tape:
                loss = 0.0
                for t in range(2):
                    _, state = cell(chunk[:, t], state)
                    if bad:
                        state = [s.numpy() for s in state]  # <- GL105
                    loss += tf.reduce_mean(tf.square(out(state[0]) - chunk[:, t + 1]))
            variables = cell.trainable_variables + out.trainable_variables
            gradients = tape.gradient(loss, variables)
            opt.apply_gradients([(g, v) for g, v in zip(gradients, variables) if g is not None])

    return step, (f32(4, 6, 3),), dict(models=[cell, out])


# DP-SGD, with a gradient for each example
def private(bad):
    net = mlp(5, 1, "net", "tanh")
    opt = keras.optimizers.SGD(0.1)

    def step(x, y):
        with tf.GradientTape() as tape:
            losses = tf.reduce_mean(tf.square(net(x, training=True) - y), axis=1)
        if bad:
            losses = tf.minimum(losses, 10.0)  # <- GL602
        slopes = tape.jacobian(losses, net.trainable_variables)
        squares = [tf.reduce_sum(tf.square(s), axis=list(range(1, len(s.shape)))) for s in slopes]
        factor = 1.0 / tf.maximum(tf.sqrt(tf.add_n(squares)), 1.0)
        clipped = [tf.reshape(factor, [-1] + [1] * (len(s.shape) - 1)) * s for s in slopes]
        opt.apply_gradients(zip([tf.reduce_mean(c, 0) for c in clipped], net.trainable_variables))

    return step, (f32(4, 5), f32(4, 1)), dict(models=[net])
