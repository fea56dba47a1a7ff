from __future__ import annotations

import keras
import numpy as np
import pytest
from flows import facts, flow, found

import gradlint
from gradlint.passes.otherdata import Drawn, OtherData
from gradlint.record.start import Data, Start
from gradlint.rules.gl414_degenerate_data import RULE


def holding(data, *, inputs=("x",), gradients=None):
    return flow(
        "h = MatMul x k",
        "o = AddV2 h b",
        "-- loss",
        "loss() = Mean o",
        inputs=list(inputs),
        variables=["k(4,4)", "b(4)"],
        gradients=gradients,
        start=Start(data=(data,)),
    )


def filled(subject, *keys):
    """Facts about a flow whose kernel has a gradient once some inputs are filled."""
    return facts(subject, filled=OtherData(Drawn.EMPTY, keys, {"k": 1.0}, {}))


ZEROS = Data("x", False, (8, 4), constant=0.0)
DEAD = {"gradients": {"k": "zero"}}
FIRES = {
    "zeros": (holding(ZEROS), ("info", ("x",))),
    "zeros that stop a gradient": (filled(holding(ZEROS, **DEAD), "x"), ("warning", ("x",))),
    "another input holds something": (filled(holding(ZEROS, inputs=["x", "z"], **DEAD), "x"), ("info", ("x",))),
    "no experiment": (holding(ZEROS, **DEAD), ("info", ("x",))),
    "labels": (holding(Data("y", True, (8, 1), constant=0.0)), ("info", ())),
    "nan": (holding(Data("x", False, (8, 4), nan=3)), ("info", ("x",))),
    "columns": (holding(Data("x", False, (8, 4), constant_columns=(1,), columns=4)), ("info", ("x",))),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert [(severity, inputs) for severity, inputs, _, _ in found(RULE, subject)] == [expected]


@pytest.mark.parametrize(("state", "severity"), [("absent", "info"), ("zero", "warning"), (0.5, "info")])
def test_zero_is_not_tiny(state, severity):
    (finding,) = RULE.check(filled(holding(ZEROS, gradients={"k": state}), "x"))
    assert str(finding.severity) == severity


X = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
CONSTANT, TWICE, HOLED = X.copy(), X.copy(), X.copy()
CONSTANT[:, 2] = 1.5
TWICE[:, 3] = TWICE[:, 0]
HOLED[3, 1] = np.nan
ONE_HOT = np.eye(4, dtype="float32")[np.zeros(32, int)]


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (X, None),
        (np.zeros_like(X), "all elements of input 'x' of shape (32, 4) are 0"),
        (CONSTANT, "of the 4 columns of input 'x' of shape (32, 4), 1 constant (2)"),
        (TWICE, "of the 4 columns of input 'x' of shape (32, 4), 1 equal to another (3 to 0)"),
        (HOLED, "input 'x' of shape (32, 4) holds 1 NaN element"),
        (CONSTANT[:8], None),
        (ONE_HOT, None),
    ],
)
def test_of_a_live_model(x, words):
    model = keras.Sequential([keras.Input((4,), name="x"), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    sample = {"x": x, "y": np.arange(len(x))[:, None]}
    messages = [finding.message for finding in gradlint.check(model, sample, select=["GL414"]).findings]
    assert [message.partition(":")[0] for message in messages] == ([words] if words else [])


def two_outputs():
    x = keras.Input((4,), name="x")
    hidden = keras.layers.Dense(8, activation="tanh", name="h")(x)
    model = keras.Model(x, {name: keras.layers.Dense(1, name=name)(hidden) for name in "ab"})
    model.compile("sgd", {"a": "mse", "b": "mse"})
    return model


ZERO, ONE = np.zeros(32), np.ones(32)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({"a": ZERO, "b": ZERO}, ("warning", "all sample weights of 'a' and 'b' are 0", 6)),
        ({"a": ONE, "b": ZERO}, ("info", "all sample weights of 'b' are 0", 2)),
        ({"a": ONE, "b": ONE}, None),
        ({"a": ONE, "b": np.eye(32)[0]}, None),
    ],
)
def test_rows_that_do_not_count(weights, expected):
    y = np.arange(32.0)[:, None]
    result = gradlint.check(two_outputs(), ({"x": X}, {"a": y, "b": -y}, weights))
    assert {finding.code for finding in result.findings} == ({"GL414"} if expected else set())
    found = [(str(f.severity), f.message.partition(":")[0], len(f.variables)) for f in result.findings]
    assert found == ([expected] if expected else [])


def test_a_nan_that_reaches_the_loss_is_told_once_with_what_to_do():
    model = keras.Sequential([keras.Input((4,), name="age"), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    for value, what in ((np.nan, "NaN"), (np.inf, "infinities")):
        x = X.copy()
        x[3, 1] = value
        (finding,) = gradlint.check(model, (x, np.arange(32)[:, None]), select=["GL302", "GL414"]).findings
        assert (finding.code, finding.advice) == ("GL302", f"Clean or mask the {what} in 'age' before training.")


def test_no_line_that_makes_a_layer_is_at_fault_for_what_is_in_the_sample():
    model = keras.Sequential([keras.layers.Dense(3), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    check = gradlint.GradientCheck(select=["GL414"])
    model.fit(CONSTANT, np.arange(32)[:, None], callbacks=[check], verbose=0)
    (finding,) = check.reports[0].result.findings
    assert finding.cause.file is None
