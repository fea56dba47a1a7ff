from __future__ import annotations

import pytest
from flows import call, flow, found, variable

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
