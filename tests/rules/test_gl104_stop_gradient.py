from __future__ import annotations

import pytest
from dense_models import BOTH, chain
from flows import facts, flow, found, op, values, variable

from gradlint.rules.gl104_stop_gradient import RULE


def pair(target, online=None, **fields):
    """An online and a target network, the latter behind a stop_gradient."""
    return flow(
        "p = MatMul x online/kernel @online",
        "t = MatMul x target/kernel @target",
        "-- loss",
        "s = StopGradient t :9",
        "d = SquaredDifference p s",
        "loss() = Mean d",
        inputs=["x"],
        variables=[
            variable("online/kernel(4,4)", values=online or values(-1.0, 1.0, mean=0.1)),
            variable("target/kernel(4,4)", values=target, **fields),
        ],
    )


FIRES = {
    "every way": (chain("c = StopGradient h @cut :4"), [("error", *BOTH, "cut StopGradient :4")]),
    "two ways, one line each": (
        chain("p = StopGradient h @cut :4", "q = StopGradient h @cut :5", "c = AddV2 p q"),
        [("error", *BOTH, "cut StopGradient :4")],
    ),
    "prevent_gradient": (
        chain(op("c = PreventGradient h @cut !raises", detail="LookupError: no")),
        [("error", *BOTH, "cut PreventGradient")],
    ),
    "an input only": (
        flow("s = StopGradient x", "o = MatMul s k", "-- loss", "loss() = Mean o", inputs=["x"], variables=["k"]),
        [("info", ("x",), (), "StopGradient")],
    ),
    "a copy of what learns": (
        pair(values(-1.0, 1.0, mean=0.1)),
        [("info", (), ("target/kernel",), "target StopGradient :9")],
    ),
    "of the same shape, other values": (
        pair(values(-0.9, 1.0, mean=0.1)),
        [("error", (), ("target/kernel",), "target StopGradient :9")],
    ),
    "of unknown values": (pair(None), [("error", (), ("target/kernel",), "target StopGradient :9")]),
}
QUIET = {
    "one way open": chain("s = StopGradient h", "c = AddV2 s h"),
    "straight through": chain("r = Round h", "d = Sub r h", "s = StopGradient d", "c = AddV2 h s"),
    "frozen before it": pair(values(-0.9, 1.0), trainable=False),
    "on integers": chain("i:int64 = ArgMax h", "j:int64 = StopGradient i", "f = Cast j", "c = AddV2 h f"),
    "another cut": chain("c = Round h"),
    "no loss": chain("c = StopGradient h", loss="none"),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert found(RULE, subject) == expected


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize(("state", "fires"), [("absent", True), ("zero", False), (1e-30, False), ("non-finite", False)])
def test_absent_is_not_zero(state, fires):
    subject = chain("c = StopGradient h", gradients={"x": state, "dense/kernel": state})
    assert bool(found(RULE, subject)) is fires


def test_says_when_it_is_a_target_network():
    (finding,) = RULE.check(facts(pair(values(-1.0, 1.0, mean=0.1))))
    assert "target network" in finding.message
