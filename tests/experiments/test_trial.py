"""Trial: a few updates with the compiled optimizer tell zeros that heal from zeros that stay."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

import gradlint
from gradlint import Severity

RNG = np.random.default_rng(0)
SAMPLE = {"x": RNG.normal(size=(8, 4)), "y": RNG.normal(size=(8, 1))}


class Gate(layers.Layer):
    """A residual branch that starts at zero."""

    def build(self, shape: tuple[int, ...]) -> None:
        self.scale = self.add_weight(shape=(), initializer="zeros", name="scale")

    def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
        return x * self.scale


def check(model: keras.Model, optimizer: keras.Optimizer | str = "adam") -> gradlint.Result:
    model.compile(optimizer, "mse")
    return gradlint.check(model, SAMPLE, select=["GL2"], ignore=["GL208"])


def gated(depth: int) -> keras.Model:
    """Gates of zeros inside of each other: each opens one update after that around it."""
    keras.utils.set_random_seed(0)
    x = keras.Input((4,), name="x")
    h = layers.Dense(4, activation="tanh")(x)
    branch = layers.Dense(4, activation="tanh", name="innermost")(h)
    for _ in range(depth):
        branch = layers.Add()([h, Gate()(branch)])
        branch = layers.Dense(4, activation="tanh")(branch)
    return keras.Model(x, layers.Dense(1)(layers.Add()([h, Gate()(branch)])))


def test_gates_inside_of_gates_heal() -> None:
    assert check(gated(1)).findings == ()


@pytest.mark.parametrize("optimizer", [keras.optimizers.SGD(0.0), keras.optimizers.Adam(1e-4, clipnorm=1.0)])
def test_they_do_whatever_the_optimizer(optimizer: keras.Optimizer) -> None:
    assert check(gated(0), optimizer).findings == ()


def test_what_stays_zero_beside_an_open_path_is_a_warning() -> None:
    keras.utils.set_random_seed(0)
    x = keras.Input((4,), name="x")
    closed = keras.initializers.Constant(-200.0)
    tower = layers.Dense(4, name="front")(x)
    tower = layers.Dense(4, activation="sigmoid", bias_initializer=closed, name="closed")(tower)
    model = keras.Model(x, layers.Dense(1)(layers.Add()([tower, layers.Dense(4, activation="tanh")(x)])))
    (finding,) = check(model).findings
    assert (finding.code, finding.severity, finding.cause.layer) == ("GL203", Severity.WARNING, "closed")
    assert len(finding.variables) == 4


def test_a_trial_changes_nothing() -> None:
    model = gated(1)
    model.compile(keras.optimizers.Adam(0.1), "mse")
    before = [variable.numpy().copy() for variable in model.variables]
    iterations = int(model.optimizer.iterations)
    gradlint.check(model, SAMPLE)
    assert all(np.array_equal(variable, value) for variable, value in zip(model.variables, before, strict=True))
    assert int(model.optimizer.iterations) == iterations
