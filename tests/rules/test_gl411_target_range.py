from __future__ import annotations

import keras
import numpy as np
import pytest
from flows import facts, flow, found, function, output, target

import gradlint
from gradlint.record.start import Start
from gradlint.rules.gl411_target_range import RULE


def ending(activation, loss="mean_squared_error", *after, result="o", **options):
    return flow(
        f"o = {activation} h @out",
        *after,
        "-- loss",
        f"loss() = Mean {result}",
        inputs=["h"],
        outputs=[output(result, name="out")],
        functions=[function("out", loss)],
        values={result: (0.0, 1.0)},
        start=Start(targets=(target(loss, **options),)),
    )


FIRES = {
    "sigmoid": (ending("Sigmoid", above=0.9), "out Sigmoid"),
    "sigmoid, below": (ending("Sigmoid", below=0.5), "out Sigmoid"),
    "softmax": (ending("Softmax", above=0.9), "out Softmax"),
    "tanh": (ending("Tanh", far_below=0.1, below=0.5), "out Tanh"),
    "relu": (ending("Relu", below=0.5), "out Relu"),
    "softplus": (ending("Softplus", "mean_absolute_error", below=0.5), "out Softplus"),
    "reshaped": (
        ending("Sigmoid", "mean_squared_error", "r = Reshape o shape @flat", result="r", above=1.0),
        "out Sigmoid",
    ),
}
QUIET = {
    "within": ending("Sigmoid"),
    "a few outliers": ending("Sigmoid", above=0.02, below=0.02),
    "tanh below zero": ending("Tanh", below=0.5),
    "counts": ending("Relu", above=0.9),
    "positive": ending("Softplus", above=1.0),
    "linear": ending("BiasAdd", above=0.9, below=0.1),
    "scaled behind": ending("Tanh", "mean_squared_error", "r = Mul o 2.0", result="r", above=0.4, far_below=0.4),
    "a cross-entropy": ending("Sigmoid", "binary_crossentropy", above=0.9),
}


@pytest.mark.parametrize(("subject", "where"), FIRES.values(), ids=FIRES)
def test_fires(subject, where):
    assert found(RULE, subject) == [("warning", (), (), where)]


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


def test_says_how_many():
    (finding,) = RULE.check(facts(ending("Sigmoid", above=0.9, low=5.0, high=50.0)))
    assert finding.message.startswith("90% of the targets 'y' (5 to 50) lie outside of 0 to 1")


@pytest.mark.parametrize(("activation", "fires"), [("sigmoid", True), ("tanh", True), ("relu", True), (None, False)])
def test_of_a_live_model(activation, fires):
    model = keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(1, activation, name="out")])
    model.compile("adam", "mse")
    x = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
    result = gradlint.check(model, {"x": x, "y": 5 * x[:, :1]}, select=["GL411"])
    assert [finding.cause.layer.endswith("out") for finding in result.findings] == [True] * fires
