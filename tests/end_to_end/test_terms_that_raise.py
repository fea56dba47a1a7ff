"""A term of the loss whose gradient function raises ends the step, whatever other terms there are."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

import gradlint


class Volume(keras.layers.Layer):
    def call(self, x):
        self.add_loss(-tf.linalg.det(tf.matmul(x, x, transpose_a=True)))
        return x


def test_the_gradient_of_a_determinant_that_is_zero() -> None:
    x = keras.Input((2,), name="x")
    model = keras.Model(x, keras.layers.Dense(1)(Volume(name="volume")(keras.layers.Dense(3, use_bias=False)(x))))
    model.compile("sgd", "mse")
    values = np.random.default_rng(0).normal(size=(6, 2)).astype("float32")
    (found,) = [f for f in gradlint.check(model, {"x": 0 * values, "y": values[:, :1]}).findings if f.code == "GL103"]
    assert (found.severity.value, found.cause.op) == ("warning", "MatrixDeterminant")
    assert "the tape gives no gradient of any other" in found.message
