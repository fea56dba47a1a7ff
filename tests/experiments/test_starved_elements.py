"""Elements of a kernel: the loss moves with those that have no gradient, and they have one past the cut."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import gradlint
from gradlint import Severity

RNG = np.random.default_rng(0)
SAMPLE = {"x": RNG.normal(size=(16, 12)).astype("float32"), "y": RNG.normal(size=(16, 1)).astype("float32")}


class Through(layers.Layer):
    """A dense layer whose kernel goes through a function first."""

    def __init__(self, function, **options):
        super().__init__(**options)
        self.function = function

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 8), name="kernel")

    def call(self, x):
        return tf.matmul(x, self.function(tf.convert_to_tensor(self.kernel)))


def eight_bits(kernel, axis=None):
    scale = tf.reduce_max(tf.abs(kernel), axis=axis) / 127.0
    return tf.cast(tf.cast(tf.round(kernel / scale), tf.int8), tf.float32) * scale


def straight_through(kernel):
    return kernel + tf.stop_gradient(eight_bits(kernel) - kernel)


def fixed_scale(kernel):
    return tf.round(kernel * 127.0) / 127.0


def pruned(kernel):
    tenth = tf.sort(tf.reshape(tf.abs(kernel), [-1]))[-10]
    return kernel * tf.cast(tf.abs(kernel) >= tenth, tf.float32)


def found(function):
    keras.utils.set_random_seed(0)
    x = keras.Input((12,), name="x")
    hidden = layers.Activation("tanh")(Through(function, name="quant")(x))
    model = keras.Model(x, layers.Dense(1, name="out")(hidden))
    model.compile("adam", "mse")
    return [finding for finding in gradlint.check(model, SAMPLE).findings if finding.code == "GL103"]


@pytest.mark.parametrize(("axis", "elements"), [(None, 1), (0, 8)], ids=["one scale", "one scale a unit"])
def test_only_the_weights_that_give_the_scale_have_a_gradient(axis, elements):
    (finding,) = found(lambda kernel: eight_bits(kernel, axis))
    assert (finding.severity, finding.cause.layer, finding.cause.op) == (Severity.WARNING, "quant", "Round")
    assert finding.variables == ("quant/kernel",)
    assert f"only {elements} of the 96 elements" in finding.message
    assert "stop_gradient" in finding.advice


def test_a_scale_that_is_written_down_leaves_none():
    (finding,) = found(fixed_scale)
    assert (finding.severity, "only" in finding.message) == (Severity.ERROR, False)


@pytest.mark.parametrize("function", [straight_through, pruned, tf.tanh])
def test_is_quiet(function):
    assert found(function) == []
