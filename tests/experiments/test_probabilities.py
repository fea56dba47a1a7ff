"""A loss of the user's own takes the logarithm of an output that is no probability."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint


def binary(y, p):
    return -tf.reduce_mean(y * tf.math.log(p) + (1.0 - y) * tf.math.log(1.0 - p), axis=-1)


def of_labels(y, p):
    return tf.reduce_mean(tf.math.log(y - 0.5) * p, axis=-1)


def check(loss, activation):
    keras.utils.set_random_seed(0)
    x = keras.Input((4,), name="x")
    model = keras.Model(x, keras.layers.Dense(1, activation, name="head")(keras.layers.Dense(8, "tanh")(x)))
    model.compile("sgd", loss)
    rows = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
    return gradlint.check(model, {"x": rows, "y": (rows[:, :1] > 0).astype("float32")}, select=["GL302"])


def test_the_missing_activation_is_the_cause():
    (finding,) = check(binary, None).findings
    assert (finding.cause.layer, finding.cause.op) == ("head", "Log")
    assert "'head', which has no activation" in finding.message
    assert finding.evidence["experiments"] == ["with a sigmoid behind the output, the loss is a number"]
    assert "sigmoid" in finding.advice


@pytest.mark.parametrize(("loss", "activation"), [(binary, "tanh"), (of_labels, None)])
def test_what_a_sigmoid_does_not_mend_has_another_cause(loss, activation):
    (finding,) = check(loss, activation).findings
    assert "activation" not in finding.message
    assert finding.cause.line is not None


def test_probabilities_are_numbers():
    assert check(binary, "sigmoid").findings == ()
