"""Finite differences: a loss has a slope, or it only moves."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest

import gradlint
from gradlint.experiments.differences import _has_slope
from gradlint.report import verdict
from gradlint.result import ZERO_HERE


@pytest.mark.parametrize(
    ("loss", "has_slope"),
    [
        (lambda step: 2.0 * step, True),
        (lambda step: 5.0 - 0.3 * step, True),
        (lambda step: math.exp(step), True),
        (lambda step: math.tanh(20.0 * step), True),
        (lambda step: step * step, False),
        (lambda step: step * step + 1e-9 * step, False),
        (lambda step: max(0.0, step - 1e-5), False),
        (lambda step: max(0.0, step), False),
        (lambda step: abs(step), False),
        (lambda step: 1.0, False),
        (lambda step: 1.0 + 1e-9 * step, False),
        (lambda step: float(step > 0.0), False),
        (lambda step: math.nan, False),
        (lambda step: math.log(step) if step > 0.0 else math.inf, False),
    ],
)
def test_a_slope_is_straight_on_both_sides(loss, has_slope):
    assert _has_slope(loss, 1.0) is has_slope


def net():
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Dense(8, activation="tanh", name="h"), keras.layers.Dense(1, name="out")]
    return keras.Sequential([keras.Input((4,), name="x"), *layers])


@pytest.mark.parametrize("name", ["hinge", "mse"])
def test_a_loss_that_has_nothing_to_complain_of_contradicts_no_zero(name):
    model = net()
    model.compile("sgd", name)
    x = np.random.default_rng(0).normal(size=(4000, 4)).astype("float32")
    prediction = model(x).numpy()[:, 0]
    if name == "hinge":  # The margin is just kept: a step of one thousandth breaks it.
        kept = (np.abs(prediction) > 1.0) & (np.abs(prediction) < 1.02)
        x, y = x[kept][:16], np.sign(prediction[kept][:16])
    else:
        x, y = x[:8], prediction[:8]
    result = gradlint.check(model, (x, y[:, None]))
    assert [finding.message for finding in result.findings if finding.code != "GL414"] == []
    assert ZERO_HERE in verdict.verdict(result)
