"""Axes that are folded into the samples and taken out again in the wrong order: the way back is the mistake."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint

RNG = np.random.default_rng(0)


class Heads(keras.layers.Layer):
    def __init__(self, is_right):
        super().__init__()
        self.dense, self.is_right = keras.layers.Dense(8), is_right

    def call(self, x):
        rows, steps = tf.shape(x)[0], x.shape[1]
        heads = tf.transpose(tf.reshape(self.dense(x), (rows, steps, 2, 4)), (0, 2, 1, 3))
        heads = tf.reshape(heads, (rows * 2, steps, 4))
        heads = tf.matmul(tf.nn.softmax(tf.matmul(heads, heads, transpose_b=True)), heads)
        if self.is_right:
            heads = tf.transpose(tf.reshape(heads, (rows, 2, steps, 4)), (0, 2, 1, 3))
        else:
            heads = tf.transpose(tf.reshape(heads, (2, rows, steps, 4)), (1, 2, 0, 3))  # wrong
        return tf.reshape(heads, (rows, steps, 8))


class Steps(keras.layers.Layer):
    def __init__(self, is_right):
        super().__init__()
        self.dense, self.is_right = keras.layers.Dense(6, activation="tanh"), is_right

    def call(self, x):
        steps, width = x.shape[1:]
        h = self.dense(keras.ops.reshape(x, (-1, width)))
        if self.is_right:
            return keras.ops.reshape(h, (-1, steps, 6))
        return keras.ops.transpose(keras.ops.reshape(h, (steps, -1, 6)), (1, 0, 2))  # wrong


@pytest.mark.parametrize("layer", [Heads, Steps])
@pytest.mark.parametrize("is_right", [True, False])
def test_the_way_back_is_what_mixes_samples(layer, is_right):
    x = keras.Input((5, 4), name="x")
    model = keras.Model(x, keras.layers.Dense(1)(keras.layers.Flatten()(layer(is_right)(x))))
    model.compile("sgd", "mse")
    result = gradlint.check(model, {"x": RNG.normal(size=(8, 5, 4)), "y": RNG.normal(size=(8, 1))})
    found = [(finding.code, finding.cause.line) for finding in result.findings if finding.severity.value == "error"]
    lines, first = inspect.getsourcelines(layer)
    wrong = next(first + number for number, line in enumerate(lines) if "# wrong" in line)
    assert found == ([] if is_right else [("GL501", wrong)])
