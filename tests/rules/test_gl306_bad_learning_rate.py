from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from flows import flow, found

import gradlint
from gradlint.record.start import Rate, Start
from gradlint.rules.gl306_bad_learning_rate import RULE


def with_rate(value, later=None, *, is_schedule=False):
    rate = Rate("SGD", "optimizer", value, value if later is None else later, is_schedule)
    return flow("o = MatMul x k", "-- loss", "loss() = Mean o", inputs=["x"], start=Start((rate,)))


@pytest.mark.parametrize(
    "subject",
    [
        with_rate(-0.01),
        with_rate(0.0),
        with_rate(float("nan")),
        with_rate(float("inf")),
        with_rate(0.0, 0.0, is_schedule=True),
        with_rate(-0.1, 0.1, is_schedule=True),
    ],
)
def test_fires(subject):
    assert found(RULE, subject) == [("error", (), (), "")]


@pytest.mark.parametrize("subject", [with_rate(1e-30), with_rate(10.0), with_rate(0.0, 1e-3, is_schedule=True)])
def test_is_quiet(subject):
    assert found(RULE, subject) == []


SCHEDULES = keras.optimizers.schedules


@pytest.mark.parametrize("depth", ["values", "structure"])
@pytest.mark.parametrize("is_saved", [False, True])
@pytest.mark.parametrize(
    ("rate", "fires"),
    [
        (-1e-3, True),
        (0.0, True),
        (1e-3, False),
        (SCHEDULES.CosineDecay(0.0, 1000, warmup_target=1e-3, warmup_steps=100), False),
        (SCHEDULES.ExponentialDecay(-1e-2, 100, 0.9), True),
    ],
)
def test_of_a_model(rate, fires, is_saved, depth, tmp_path):
    model = keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(rate), "mse")
    before = model.get_weights()
    if is_saved:
        model.save(tmp_path / "model.keras")
    target = tmp_path / "model.keras" if is_saved else model
    sample = {"x": np.ones((4, 3), "float32"), "y": np.ones((4, 1), "float32")}
    result = gradlint.check(target, sample, select=["GL306"], depth=depth)
    assert bool(result.findings) is fires
    assert all(np.array_equal(one, other) for one, other in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize(
    ("schedule", "fires"),
    [
        (SCHEDULES.CosineDecay(1e-3, decay_steps=5), True),  # epochs, where updates are counted
        (SCHEDULES.PolynomialDecay(1e-3, 10, end_learning_rate=0.0), True),
        (SCHEDULES.CosineDecay(1e-3, decay_steps=200), False),
        (SCHEDULES.CosineDecay(1e-3, decay_steps=5, alpha=0.1), False),
        (SCHEDULES.CosineDecayRestarts(1e-3, 5), False),
        (SCHEDULES.PiecewiseConstantDecay([4, 50], [1e-3, 0.0, 1e-4]), False),
    ],
)
def test_a_schedule_that_soon_ends(schedule, fires):
    model = keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(schedule), "mse")
    sample = {"x": np.ones((4, 3), "float32"), "y": np.ones((4, 1), "float32")}
    found = gradlint.check(model, sample, select=["GL306"]).findings
    assert [finding.severity.value for finding in found] == ["warning"] * fires
    assert all("falls to 0 within" in finding.message for finding in found)


class Ramp(SCHEDULES.LearningRateSchedule):
    """A warm-up over ten epochs of so many steps, in steps or in whole epochs."""

    def __init__(self, is_whole):
        self.is_whole = is_whole

    def __call__(self, step):
        step = tf.cast(step, tf.float32)
        return 1e-3 * tf.minimum(step // 50 / 10 if self.is_whole else step / 500, 1.0)


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_warm_up_that_does_not_rise(is_whole):
    model = keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(Ramp(is_whole)), "mse")
    sample = {"x": np.ones((4, 3), "float32"), "y": np.ones((4, 1), "float32")}
    found = gradlint.check(model, sample, select=["GL306"]).findings
    assert [(finding.severity.value, "first updates" in finding.message) for finding in found] == [
        ("warning", True)
    ] * is_whole
