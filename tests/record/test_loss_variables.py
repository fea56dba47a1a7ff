"""Variables that a loss object keeps: `fit` does not update them, unless somebody assigns to them."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint

X = {"x": np.ones((8, 3), "float32"), "y": np.linspace(-1, 1, 8, dtype="float32")[:, None]}


class Uncertain(keras.losses.Loss):
    def __init__(self, scale):
        super().__init__()
        self.log_var = scale

    def call(self, y, p):
        return tf.exp(-tf.convert_to_tensor(self.log_var)) * tf.reduce_mean(tf.square(y - p), -1)


class Annealed(Uncertain):
    def __init__(self, scale):
        super().__init__(scale)
        self.weight = self.log_var

    def call(self, y, p):
        return self.weight * tf.reduce_mean(tf.square(y - p), -1)

    def grow(self):
        self.weight.assign(1.0)


def model(loss):
    result = keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(1)])
    result.compile("adam", loss)
    return result


@pytest.mark.parametrize("kind", [tf.Variable, keras.Variable])
def test_a_variable_that_a_loss_keeps(kind: type) -> None:
    (found,) = gradlint.check(model(Uncertain(kind(0.5))), X, select=["GL109"]).findings
    assert "kept as `log_var` by the loss Uncertain" in found.message
    assert found.cause.line == 18  # where the loss is given it
    (given,) = gradlint.check(model("mse"), X, loss=Uncertain(kind(0.5)), select=["GL109"]).findings
    assert given.message == found.message


@pytest.mark.parametrize("loss", [lambda: Annealed(tf.Variable(0.5)), lambda: Uncertain(tf.Variable(0.5, False))])
def test_a_schedule_and_a_constant_are_none(loss) -> None:
    assert gradlint.check(model(loss()), X, select=["GL109"]).findings == ()
