"""Products with zeros: those that a model makes itself are not written down on purpose, and satisfy no loss."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import gradlint

RNG = np.random.default_rng(0)


def overlap(y: tf.Tensor, p: tf.Tensor) -> tf.Tensor:
    """One minus the intersection over the union of intervals (start, length)."""
    start, end = p[:, :1], p[:, :1] + tf.nn.softplus(p[:, 1:]) * 0.1
    shared = tf.maximum(tf.minimum(y[:, 1:], end) - tf.maximum(y[:, :1], start), 0.0)
    return 1.0 - shared / (y[:, 1:] - y[:, :1] + end - start - shared)


@pytest.mark.parametrize(("shift", "codes"), [(5.0, ["GL201"]), (0.0, [])], ids=["apart", "overlapping"])
def test_predictions_that_overlap_nothing_are_stuck(shift: float, codes: list[str]) -> None:
    keras.utils.set_random_seed(0)
    x = keras.Input((3,), name="x")
    model = keras.Model(x, layers.Dense(2, name="box")(layers.Dense(4, "swish")(x)))
    model.compile("sgd", overlap)
    labels = np.tile(np.array([[shift - 2.0, shift + 2.0]], "float32"), (6, 1))
    found = gradlint.check(model, {"x": RNG.normal(size=(6, 3)).astype("float32"), "y": labels}).findings
    alarms = [finding for finding in found if finding.severity.value != "info"]
    assert [finding.code for finding in alarms] == codes
    assert all(finding.severity.value == "error" for finding in alarms)


class Physics(keras.Model):
    """A network, and a term with its curvature, weighted by a variable."""

    def __init__(self, activation: str) -> None:
        super().__init__()
        self.hidden, self.head = layers.Dense(8, activation, name="hidden"), layers.Dense(1, name="head")
        self.nu = self.add_weight(shape=(), initializer="ones", name="nu")

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return self.head(self.hidden(x))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                u = self(x)
            first = inner.gradient(u, x)
        return tf.reduce_mean(tf.square(first - self.nu * outer.gradient(first, x))) + tf.reduce_mean(tf.square(y - u))


@pytest.mark.parametrize(("activation", "is_lost"), [("relu", True), ("tanh", False)])
def test_a_factor_of_what_is_zero_for_all_data_is_lost(activation: str, is_lost: bool) -> None:
    keras.utils.set_random_seed(0)
    model = Physics(activation)
    model.compile("adam")
    sample = {"x": RNG.normal(size=(8, 2)).astype("float32"), "y": RNG.normal(size=(8, 1)).astype("float32")}
    model(sample["x"])
    found = gradlint.check(model, sample).findings
    lost = [f for f in found if f.severity.value != "info" and any(path.endswith("nu") for path in f.variables)]
    assert [finding.code for finding in lost] == ["GL201"] * is_lost


@pytest.mark.parametrize(("detached", "alarms"), [(False, [("GL201", "Sub")]), (True, [])])
def test_what_the_same_weights_give_twice_cancels_at_the_difference(detached: bool, alarms: list[object]) -> None:
    keras.utils.set_random_seed(0)
    x = keras.Input((3,), name="x")
    policy = keras.Model(x, layers.Dense(2, name="score")(layers.Dense(4, "tanh", name="body")(x)))
    old = tf.stop_gradient if detached else tf.identity

    def ratio(batch: dict[str, tf.Tensor]) -> tf.Tensor:
        return tf.reduce_mean(tf.exp(policy(batch["x"]) - old(policy(batch["x"]))) * batch["y"])

    sample = {"x": RNG.normal(size=(6, 3)).astype("float32"), "y": RNG.normal(size=(6, 2)).astype("float32")}
    found = gradlint.check(ratio, sample, models=[policy]).findings
    assert [(finding.code, finding.cause.op) for finding in found if finding.severity.value != "info"] == alarms
    assert all(len(finding.variables) == 4 for finding in found if finding.severity.value != "info")
