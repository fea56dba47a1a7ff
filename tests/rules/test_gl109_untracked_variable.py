from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from flows import call, facts, flow, found, variable

import gradlint
from gradlint.record.recording import Hidden
from gradlint.rules.gl109_untracked_variable import RULE


def stray(path, **fields):
    return variable(path, tracked=False, **fields)


def gated(*variables, before=(), **options):
    """x times gate/scale, then a head that learns."""
    return flow(
        *before,
        "g = Mul x gate/scale @gate :5",
        "h = MatMul g head/kernel @head",
        "-- loss",
        "loss() = Mean h",
        inputs=["x"],
        variables=["head/kernel", *variables],
        **options,
    )


FIRES = {
    "one": (gated(stray("gate/scale")), [("error", (), ("gate/scale",), "gate ReadVariableOp")]),
    "two of one layer": (
        flow(
            "g = Mul x gate/scale @gate",
            "s = AddV2 g gate/shift @gate",
            "-- loss",
            "loss() = Mean s",
            inputs=["x"],
            variables=[stray("gate/scale"), stray("gate/shift")],
        ),
        [("error", (), ("gate/scale", "gate/shift"), "gate ReadVariableOp")],
    ),
}


def two_layers(*calls):
    """A product with the variable of one stray layer, and a sum with that of another."""
    return flow(
        "g = Mul x gate/scale @gate",
        "s = AddV2 g shift/offset @shift",
        "-- loss",
        "loss() = Mean s",
        inputs=["x"],
        variables=[stray("gate/scale"), stray("shift/offset")],
        calls=calls,
    )


FIRES["several layers that one layer keeps where Keras does not look"] = (
    two_layers(call("tower -> s", first=0, last=4), call("gate -> g", first=0, last=2)),
    [("error", (), ("gate/scale", "shift/offset"), "gate ReadVariableOp")],
)
FIRES["layers of two layers"] = (
    two_layers(call("left -> g", first=0, last=2), call("right -> s", first=2, last=4)),
    [
        ("error", (), ("gate/scale",), "gate ReadVariableOp"),
        ("error", (), ("shift/offset",), "shift ReadVariableOp"),
    ],
)
QUIET = {
    "tracked": gated("gate/scale"),
    "the loss does not depend on it": gated(
        stray("other/scale"), "gate/scale", before=["d = Mul x other/scale @other"]
    ),
    "never read": gated("gate/scale", stray("other/scale", tensor=None)),
    "no loss": gated(stray("gate/scale"), loss="none"),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert found(RULE, subject) == expected


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize("state", ["absent", "zero", 1e-30, "non-finite"])
def test_gradients_do_not_matter(state):
    assert len(found(RULE, gated(stray("gate/scale"), gradients={"gate/scale": state}))) == 1
    assert found(RULE, gated("gate/scale", gradients={"gate/scale": state})) == []


def test_what_hides_in_an_object_is_told_by_the_attribute():
    """Two objects of one list are one cause; another attribute is another."""
    blocks, tail = Hidden("net", "blocks", "Block", "net.py", 13), Hidden("net", "tail", "Tail", "net.py", 14)
    subject = flow(
        "a = Mul x p/scale @p :5",
        "b = Mul a q/scale @q :5",
        "c = Mul b r/scale @r :5",
        "-- loss",
        "loss() = Mean c",
        inputs=["x"],
        variables=[stray("p/scale", hidden=blocks), stray("q/scale", hidden=blocks), stray("r/scale", hidden=tail)],
        calls=[call("net -> c", first=0, last=6)],
    )
    first, second = RULE.check(facts(subject))
    assert first.variables == ("p/scale", "q/scale")
    assert (first.cause.layer, first.cause.op, first.cause.line) == ("net", "ReadVariableOp", 13)
    assert "behind `blocks` of 'net' (Block, no layer)" in first.message
    assert "Make Block a keras.layers.Layer" in first.advice
    assert (second.variables, second.cause.line) == (("r/scale",), 14)


class Helper:
    def __init__(self):
        self.dense = keras.layers.Dense(4)


class Holder:
    def __init__(self):
        self.helper = Helper()
        self.holder = self  # an object may hold itself


class Hides(keras.Model):
    def __init__(self):
        super().__init__()
        self.helpers = {"of": [Helper()]}
        self.grown = []
        self.grown.append(Holder())  # the line that is told
        self.words = ["a"] * 5000
        self.head = keras.layers.Dense(1)

    def call(self, x):
        return self.head(self.grown[0].helper.dense(self.helpers["of"][0].dense(x)))


def test_of_a_live_model():
    model = Hides()
    model.compile("adam", "mse")
    found = gradlint.check(model, {"x": np.random.rand(8, 3), "y": np.random.rand(8, 1)}, select=["GL109"]).findings
    lines = Path(__file__).read_text().splitlines()
    told = {finding.advice.split()[1]: lines[finding.cause.line - 1].strip() for finding in found}
    assert told == {
        "Helper": 'self.helpers = {"of": [Helper()]}',
        "Holder": "self.grown.append(Holder())  # the line that is told",
    }
