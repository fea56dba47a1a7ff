from __future__ import annotations

import keras
import numpy as np
import pytest
from flows import flow, found, function, output, target

import gradlint
from gradlint.record.start import Start
from gradlint.rules.gl412_high_initial_loss import RULE


def starting(loss="mean_squared_error", *, scaled_loss=None, activation="BiasAdd h b", whole=None, **options):
    known = {"start": 100.0, "guess": 1.0, "zero": 1.5, "plain": 2.0} | options
    return flow(
        f"o = {activation} @out",
        "-- loss",
        "loss() = Mean o",
        inputs=["h"],
        outputs=[output("o")],
        functions=[function("o", loss)],
        values={"o": (0.0, 1.0)},
        loss_value=known["start"] if whole is None else whole,
        start=Start(
            targets=(target(loss, **known),),
            scaled_loss=scaled_loss,
            scaled=(("h", 200.0),) if scaled_loss is not None else (),
        ),
    )


FIRES = {
    "regression": (starting(), ("info", ())),
    "its inputs are the reason": (starting(scaled_loss=2.0), ("warning", ("h",))),
    "its inputs are not": (starting(scaled_loss=90.0), ("info", ())),
    "classes": (
        starting("sparse_categorical_crossentropy", activation="Softmax h", plain=1.0, shape=(8,)),
        ("warning", ()),
    ),
    "offset targets": (starting(zero=90.0, plain=95.0), ("info", ())),
    "without bound": (starting(start=1e30, scaled_loss=1.0), ("warning", ("h",))),
}
QUIET = {
    "small targets": starting(zero=1.0, plain=95.0),
    "ordinary": starting(start=4.9),
    "at the limit": starting(start=8.0),
    "constant targets": starting(guess=0.0),
    "unknown": starting(guess=None, plain=None),
    "not finite": starting(start=None),
    "GL409 says it": starting("binary_crossentropy", activation="Softmax h", plain=1.0),
    "GL410 says it": starting("binary_crossentropy", activation="Sigmoid h", plain=1.0, low=-1.0),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert [(severity, inputs) for severity, inputs, _, _ in found(RULE, subject)] == [expected]


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


RNG = np.random.default_rng(0)
X = RNG.normal(size=(32, 6)).astype("float32")


def classifier(*first):
    keras.utils.set_random_seed(0)
    layers = [*first, keras.layers.Dense(16, "relu"), keras.layers.Dense(3, "softmax")]
    model = keras.Sequential([keras.Input((6,), name="x"), *layers])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def regression():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,), name="x"), keras.layers.Dense(16, "relu"), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize(
    ("model", "x", "y", "severities"),
    [
        (classifier(), X * 300, np.arange(32) % 3, ["warning"]),
        (classifier(), (X * 300).astype("int32"), np.arange(32) % 3, ["warning"]),
        (classifier(), X, np.arange(32) % 3, []),
        (classifier(keras.layers.BatchNormalization()), X * 300, np.arange(32) % 3, []),
        (regression(), X * 300, RNG.normal(size=(32, 1)), ["warning"]),
        (regression(), X, RNG.normal(size=(32, 1)), []),
        (regression(), X, 40 + 9 * RNG.normal(size=(32, 1)), ["info"]),
        (regression(), X, 0.01 * RNG.normal(size=(32, 1)), []),
    ],
)
def test_of_a_live_model(model, x, y, severities):
    before = model.get_weights()
    findings = gradlint.check(model, {"x": x, "y": y}, select=["GL412"]).findings
    assert [str(finding.severity) for finding in findings] == severities
    assert all(finding.inputs == ("x",) for finding in findings if str(finding.severity) == "warning")
    assert all(np.array_equal(one, other) for one, other in zip(before, model.get_weights(), strict=True))
