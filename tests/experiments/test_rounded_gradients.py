"""Rounding: what is left of gradients that cancel out is told from gradients that are merely tiny."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import gradlint
from gradlint import Severity

RNG = np.random.default_rng(0)
SAMPLE = {"x": RNG.normal(size=(16, 6)).astype("float32"), "y": RNG.normal(size=(16, 1)).astype("float32")}


class Shares(layers.Layer):
    """The largest scores as shares of their sum."""

    def __init__(self, kept, **options):
        super().__init__(**options)
        self.kept = kept

    def call(self, scores):
        kept, _ = tf.math.top_k(tf.nn.softmax(scores), self.kept)
        return kept / tf.reduce_sum(kept, axis=-1, keepdims=True)  # <-


def gated(kept):
    def build(x):
        gate = Shares(kept, name="shares")(layers.Dense(4, name="gate")(x))
        return layers.Concatenate()([gate, layers.Dense(4, activation="tanh")(x)])

    return build


def shifted(x):
    """A number that is added to all logits of a softmax."""
    own, shared = layers.Dense(4, name="own")(x), layers.Dense(1, name="shared")(x)
    return layers.Softmax()(layers.Add(name="sum")([own, shared]))


def deep(x):
    return functools.reduce(lambda h, _: layers.Dense(8, activation="sigmoid")(h), range(12), x)


def normalized(x):
    return layers.Activation("relu")(layers.BatchNormalization()(layers.Dense(8, name="biased")(x)))


def attending(x):
    steps = layers.Reshape((3, 2))(x)
    return layers.Flatten()(layers.MultiHeadAttention(1, 4)(steps, steps))


def found(build):
    keras.utils.set_random_seed(0)
    x = keras.Input((6,), name="x")
    model = keras.Model(x, layers.Dense(1, name="out")(build(x)))
    model.compile("adam", "mse")
    return [finding for finding in gradlint.check(model, SAMPLE).findings if finding.code == "GL201"]


@pytest.mark.parametrize(
    ("build", "layer", "op", "kernel"),
    [(gated(1), "shares", "RealDiv", "gate/kernel"), (shifted, "sum", "AddV2", "shared/kernel")],
    ids=["one gate over the sum of one gate", "what a softmax does not see"],
)
def test_gradients_that_cancel_out_up_to_rounding(build, layer, op, kernel):
    (finding,) = found(build)
    assert (finding.severity, finding.cause.layer, finding.cause.op) == (Severity.WARNING, layer, op)
    assert kernel in finding.variables
    assert "out" not in str(finding.variables)


@pytest.mark.parametrize("build", [gated(2), deep, normalized, attending])
def test_what_is_tiny_or_zero_by_mathematics_passes(build):
    assert found(build) == []
