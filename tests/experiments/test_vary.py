"""Vary: what another draw of the model's own random numbers reads or revives is no finding."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import gradlint
from gradlint import Severity

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 24, 3)).astype("float32")


class Masked(layers.Layer):
    """Hides most steps, others each time."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return x * tf.cast(tf.random.uniform((1, x.shape[1], 1)) < 0.3, x.dtype)


class Cropped(layers.Layer):
    """A window of six steps, another each time."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        start = tf.random.uniform((), 0, x.shape[1] - 5, tf.int32)
        return x[:, start : start + 6]


class Skipped(layers.Layer):
    """A branch that takes part in one of five steps."""

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return x * tf.cast(tf.random.uniform(()) < 0.2, x.dtype)


def findings(*first: layers.Layer) -> list[tuple[str, Severity]]:
    keras.utils.set_random_seed(0)
    steps = keras.Input((24, 3), name="steps")
    h: tf.Tensor = steps
    for layer in first:
        h = layer(h)
    h = layers.GlobalAveragePooling1D()(layers.Conv1D(4, 1, activation="tanh")(h))
    model = keras.Model(steps, layers.Dense(1)(h))
    model.compile("adam", "mse")
    result = gradlint.check(model, {"steps": X, "y": RNG.normal(size=(4, 1))}, select=["GL2"], seed=1)
    return [(finding.code, finding.severity) for finding in result.findings]


@pytest.mark.parametrize("layer", [Masked, Cropped])
def test_steps_that_a_draw_leaves_out_are_no_finding(layer: type[layers.Layer]) -> None:
    assert findings(layer()) == []


def test_steps_that_no_draw_reads_are_one() -> None:
    dropout = layers.Dropout(0.5)
    assert findings(dropout, layers.Lambda(lambda x: x[:, 4:20:5])) == [("GL205", Severity.WARNING)]


def test_a_branch_that_few_draws_take_is_no_finding() -> None:
    keras.utils.set_random_seed(0)
    x = keras.Input((3,), name="x")
    h = layers.Dense(4, name="front")(x)
    branch = Skipped()(layers.Dense(4, name="branch")(h))
    model = keras.Model(x, layers.Dense(1)(layers.Add()([h, branch])))
    model.compile("adam", "mse")
    for seed in range(4):
        result = gradlint.check(model, {"x": X[:, 0], "y": RNG.normal(size=(4, 1))}, select=["GL201"], seed=seed)
        assert result.findings == ()
