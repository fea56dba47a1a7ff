from __future__ import annotations

import pytest
from flows import flow, found, variable

from gradlint.rules.gl107_variable_detour import RULE

BOTH = (("x",), ("dense/kernel",))
MEMORY = variable("memory", trainable=False)


def chain(*lines, **options):
    """x through a Dense layer and `lines`, which take h and make c."""
    options = {"inputs": ["x"], "variables": ["dense/kernel", "head/kernel", MEMORY], "outputs": ["o"]} | options
    return flow(
        "h = MatMul x dense/kernel @dense",
        *lines,
        "o = MatMul c head/kernel @head",
        "-- loss",
        "loss() = Mean o",
        **options,
    )


FIRES = {
    "assigned and read": (
        chain("v:resource = AssignVariableOp memory h @cut :4", "c = ReadVariableOp v @cut"),
        [("error", *BOTH, "cut AssignVariableOp :4")],
    ),
    "added and read": (
        chain("v:resource = AssignAddVariableOp memory h @cut :4", "c = ReadVariableOp v @cut"),
        [("error", *BOTH, "cut AssignAddVariableOp :4")],
    ),
    "an input only": (
        flow(
            "v:resource = AssignVariableOp memory x :2",
            "c = ReadVariableOp v",
            "o = MatMul c k",
            "-- loss",
            "loss() = Mean o",
            inputs=["x"],
            variables=["k", MEMORY],
        ),
        [("warning", ("x",), (), "AssignVariableOp :2")],
    ),
}
QUIET = {
    "one way open": chain("v:resource = AssignVariableOp memory h", "m = ReadVariableOp v", "c = AddV2 h m"),
    "kept for the next call": chain("v:resource = AssignVariableOp memory h", "c = Tanh h"),
    "read before it is assigned": chain("c = AddV2 h memory", "v:resource = AssignVariableOp memory c"),
    "another cut": chain("c = StopGradient h"),
    "no loss": chain("v:resource = AssignVariableOp memory h", "c = ReadVariableOp v", loss="none"),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert found(RULE, subject) == expected


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize(("state", "fires"), [("absent", True), ("zero", False), (1e-30, False), ("non-finite", False)])
def test_absent_is_not_zero(state, fires):
    lines = ("v:resource = AssignVariableOp memory h", "c = ReadVariableOp v")
    assert bool(found(RULE, chain(*lines, gradients={"x": state, "dense/kernel": state}))) is fires
