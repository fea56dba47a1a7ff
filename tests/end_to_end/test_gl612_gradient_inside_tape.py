"""A persistent tape that is asked while it still records."""

import keras
import numpy as np
import tensorflow as tf

import gradlint


def step(model, x):
    with tf.GradientTape(persistent=True) as tape:
        loss = tf.reduce_mean(tf.square(model(x)))
        slopes = tape.gradient(loss, model.trainable_variables)  # inside
    model.optimizer.apply_gradients(zip(slopes, model.trainable_variables, strict=False))
    return loss


def test_a_gradient_asked_for_inside_of_its_tape():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("sgd")
    result = gradlint.check_step(step, model, np.ones((4, 3), "float32"), models=[model])
    found = {(f.code, f.cause.file, f.cause.line) for f in result.findings}
    assert ("GL612", __file__, step.__code__.co_firstlineno + 3) in found
