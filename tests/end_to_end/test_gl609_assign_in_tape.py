"""A value of the tape that goes through a variable on its way to the loss."""

import keras
import numpy as np
import tensorflow as tf

import gradlint


def step(model, state, x):
    with tf.GradientTape() as tape:
        state.assign(tf.reduce_mean(model(x), axis=0))  # into the variable
        loss = tf.reduce_mean(tf.square(state - 1.0))
    slopes = tape.gradient(loss, model.trainable_variables)
    model.optimizer.apply_gradients(
        [(g, v) for g, v in zip(slopes, model.trainable_variables, strict=False) if g is not None]
    )
    return loss


def test_a_value_assigned_and_read():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("sgd")
    state = tf.Variable(tf.zeros(2), trainable=False)
    result = gradlint.check_step(step, model, state, np.ones((4, 3), "float32"), models=[model])
    found = {(f.code, f.cause.file, f.cause.line) for f in result.findings}
    assert ("GL609", __file__, step.__code__.co_firstlineno + 2) in found
