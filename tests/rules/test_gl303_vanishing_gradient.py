from __future__ import annotations

import keras
import numpy as np
import pytest
from dense_models import ramp, stack
from flows import facts, flow, found
from keras import layers

import gradlint
from gradlint.rules.gl303_vanishing_gradient import RULE

FIRES = {
    "steady": (
        stack(ramp(-8.0, 9)),
        [("warning", ("x",), ("d0/kernel", "d1/kernel", "d2/kernel", "d3/kernel", "d4/kernel", "d5/kernel"), "d0")],
    ),
    "just enough layers": (
        stack(ramp(-8.0, 8)),
        [("warning", ("x",), ("d0/kernel", "d1/kernel", "d2/kernel", "d3/kernel", "d4/kernel", "d5/kernel"), "d0")],
    ),
    "with one exception": (
        stack([-8.0, -9.0, -7.0, -6.0, -5.0, -4.0, -3.5, -2.0, -1.0, 0.0]),
        [
            (
                "warning",
                ("x",),
                ("d0/kernel", "d1/kernel", "d2/kernel", "d3/kernel", "d4/kernel", "d5/kernel", "d6/kernel"),
                "d0",
            )
        ],
    ),
}
QUIET = {
    "even": stack([0.0] * 12),
    "less than four orders": stack(ramp(-3.9, 12)),
    "too few layers": stack(ramp(-8.0, 7)),
    "the other way": stack(ramp(8.0, 12)),
    "one jump": stack([-8.0] * 6 + [0.0] * 6),
    "up and down": stack([-8.0, 0.0] * 6),
    "no loss": stack(ramp(-8.0, 9), loss="none"),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert found(RULE, subject) == expected


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize(("state", "fires"), [("absent", False), ("zero", False), (1e-3, True), ("non-finite", False)])
def test_only_finite_gradients_make_a_trend(state, fires):
    orders = ramp(-8.0, 8)
    assert bool(found(RULE, stack([state if isinstance(state, str) else orders[0] - 3, *orders[1:]]))) is fires


def test_biases_do_not_count():
    biased = flow(
        *[f"h{n} = BiasAdd {'x' if n == 0 else f'h{n - 1}'} d{n}/bias" for n in range(9)],
        "-- loss",
        "loss() = Mean h8",
        inputs=["x"],
        variables=[f"d{n}/bias(4)" for n in range(9)],
        gradients={f"h{n}": 10.0**order for n, order in enumerate(ramp(-8.0, 9))},
    )
    assert found(RULE, biased) == []


def test_evidence():
    (finding,) = RULE.check(facts(stack(ramp(-8.0, 9))))
    assert finding.evidence == {"orders": -8.0, "orders_per_layer": -1.0}
    assert (
        "gradients shrink by 8.0 orders of magnitude from 'd8/kernel' to 'd0/kernel', 1.00 per layer" in finding.message
    )


def dense(activation, count):
    return [layers.Dense(32, activation) for _ in range(count)]


def convolutions():
    """The shape of VGG with averages for maxima: each divides the gradient of an element by four."""
    for filters, count in ((8, 2), (16, 2), (16, 3), (16, 3)):
        yield from (layers.Conv2D(filters, 3, padding="same", activation="relu") for _ in range(count))
        yield layers.AveragePooling2D(2)
    yield layers.GlobalAveragePooling2D()


@pytest.mark.parametrize(
    ("shape", "hidden", "fires"),
    [
        ((6,), lambda: dense("sigmoid", 10), True),
        ((6,), lambda: dense("sigmoid", 20), True),
        ((6,), lambda: dense("tanh", 20), False),
        ((6,), lambda: dense("relu", 20), False),
        ((64, 64, 3), convolutions, False),
    ],
    ids=["10 sigmoids", "20 sigmoids", "20 tanhs", "20 rectifiers", "averages"],
)
def test_of_live_models(shape, hidden, fires):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(shape, name="x"), *hidden(), layers.Dense(4, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    x = np.random.default_rng(0).normal(size=(4, *shape)).astype("float32")
    assert bool(gradlint.check(model, {"x": x, "y": np.arange(4)}, select=["GL303"]).findings) is fires
