"""Bridges: the gradient is let through what stops it, and what then receives one is the victim."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint
from gradlint.experiments.bridge import fitted

if TYPE_CHECKING:
    from collections.abc import Callable

    from gradlint import Finding

CUTS = ["GL103", "GL104", "GL105", "GL107"]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 6)).astype("float32")


class Own(keras.Model):
    """A layer, what stops its gradient, and a head."""

    def __init__(self, function: Callable[..., object]) -> None:
        super().__init__()
        self.encoder, self.middle, self.head = (keras.layers.Dense(n) for n in (8, 8, 1))
        self.memory = self.add_weight(shape=(5, 8), trainable=False)
        self.function = function

    def call(self, x: object) -> object:
        return self.head(self.function(self, self.encoder(x)))


def found(function: Callable[..., object], **options: object) -> list[Finding]:
    model = Own(function)
    model.compile("sgd", "mse")
    before = [np.array(v) for v in model.variables]
    result = gradlint.check(model, {"x": X, "y": RNG.normal(size=(5, 1))}, **{"select": CUTS} | options)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.variables, strict=False))
    return list(result.findings)


@tf.custom_gradient
def raising(x):
    def gradient(dy):
        raise ValueError(f"it has no slope. Values: {np.arange(99)}")

    return tf.round(x), gradient


ONE = {
    "rounded": ("Round", lambda model, h: tf.round(h)),
    "an index": ("ArgMax", lambda model, h: tf.one_hot(tf.argmax(h, -1), 8)),
    "looked up": ("ArgMax", lambda model, h: tf.gather(tf.eye(8), tf.argmax(h, -1))),
    "in NumPy": ("NumpyConversion", lambda model, h: tf.constant(np.tanh(h.numpy()))),
    "in NumPy, and on": ("NumpyConversion", lambda model, h: tf.nn.relu(tf.constant(np.tanh(h.numpy())) + 1.0)),
    "in a function": ("PyFunc", lambda model, h: tf.ensure_shape(tf.numpy_function(np.tanh, [h], tf.float32), (5, 8))),
    "in a variable": ("AssignVariableOp", lambda model, h: (model.memory.assign(h), model.memory + 0.0)[1]),
    "a custom gradient": ("CustomGradient", lambda model, h: raising(h)),
    "stopped": ("StopGradient", lambda model, h: tf.stop_gradient(h)),
}


@pytest.mark.parametrize("name", ONE)
def test_what_is_behind_one_operation_receives_a_gradient_through_it(name):
    op, function = ONE[name]
    (finding,) = found(function)
    assert finding.cause.op == op
    assert len(finding.variables) == 2
    (words,) = finding.evidence["experiments"]
    assert "test_bridge.py" in words
    assert "all 3 victims receive one, norm " in words


def test_of_two_on_one_path_the_first_is_the_cause():
    (finding,) = found(lambda model, h: tf.round(tf.cast(tf.argmax(h, -1), tf.float32))[:, None])
    assert finding.cause.op == "ArgMax"
    first, second = finding.evidence["experiments"]
    assert "`Round`" in first
    assert "none" in first
    assert "`ArgMax`" in second
    assert "as well" in second


def test_each_of_two_on_one_path_has_the_victims_that_revive_by_it():
    first, second = found(lambda model, h: tf.cast(model.middle(tf.round(h)) > 0, tf.float32))
    assert (first.cause.op, first.inputs, len(first.variables)) == ("Round", ("x",), 2)
    assert (second.cause.op, second.inputs, len(second.variables)) == ("Greater", (), 2)


def test_of_two_paths_each_alone_is_enough():
    (finding,) = found(lambda model, h: tf.round(h) + tf.floor(h))
    assert (finding.cause.op, len(finding.variables)) == ("Round", 2)
    assert "Floor" in finding.evidence["also"][0]


def test_a_straight_through_estimator_is_none():
    assert found(lambda model, h: h + tf.stop_gradient(tf.round(h) - h)) == []


def test_an_error_is_told_in_its_sentence():
    (finding,) = found(ONE["a custom gradient"][1])
    assert "raises ValueError: it has no slope:" in finding.message


def test_on_symbols_the_form_speaks_and_says_so():
    x = keras.Input((6,), name="x")
    model = keras.Model(x, keras.layers.Dense(1)(keras.ops.round(keras.layers.Dense(8)(x))))
    (finding,) = gradlint.check(model, {"x": X}, depth="structure", select=CUTS).findings
    assert finding.evidence["experiments"] == ["by the form of the graph: no experiment has let the gradient through"]


@pytest.mark.parametrize("shape", [(4, 3), (12,), (4, 3, 5), (4, 5, 3), (4,), (3,), (4, 1), (7, 2), ()])
def test_a_gradient_takes_any_shape(shape):
    slope = fitted(tf.constant(RNG.normal(size=(4, 3)) - 10.0), shape)
    assert slope.shape == shape
    assert np.all(slope.numpy() < 0)


def test_what_sums_to_zero_does_not_vanish():
    assert np.all(fitted(tf.constant([[1.0, -1.0], [-1.0, 1.0]]), (2,)).numpy() != 0)
