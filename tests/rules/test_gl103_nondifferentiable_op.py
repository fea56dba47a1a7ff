from __future__ import annotations

import pytest
from flows import facts, flow, found, op, variable

from gradlint.rules.gl103_nondifferentiable_op import RULE

TAIL = ("o = MatMul c head/kernel @head", "-- loss", "loss() = Mean o")


def chain(*lines, **options):
    """x through a Dense layer and `lines`, which take h and make c."""
    options = {"inputs": ["x"], "variables": ["dense/kernel", "head/kernel"], "outputs": ["o"]} | options
    return flow("h = MatMul x dense/kernel @dense", *lines, *TAIL, **options)


BOTH = (("x",), ("dense/kernel",))
LOOKED_UP = flow(
    "i:int32(8,) = Cast x @pick",
    "o = GatherV2 table i",
    "-- loss",
    "loss() = Mean o",
    inputs=["x"],
    variables=["table"],
)
FIRES = {
    "argmax": (chain("i:int64(8,) = ArgMax h @pick :5", "c = Cast i"), [("error", *BOTH, "pick ArgMax :5")]),
    "round, which is registered": (chain("c = Round h @pick :5"), [("error", *BOTH, "pick Round :5")]),
    "comparison": (chain("i:bool = Greater h 0 @pick", "c = Cast i @pick"), [("error", *BOTH, "pick Greater")]),
    "indices": (
        chain("i:int32(8,) = Cast h @pick", "c = GatherV2 table i !passes", variables=["dense/kernel", "head/kernel"]),
        [("error", *BOTH, "pick Cast")],
    ),
    "unregistered": (chain("c = Bessel h @odd !unregistered"), [("error", *BOTH, "odd Bessel")]),
    "gradient function raises": (
        chain(op("c = Odd h @odd !raises", detail="ValueError: no")),
        [("error", *BOTH, "odd Odd")],
    ),
    "custom gradient of None": (
        chain(op("c = Square h @odd", enclosed=True), op("c = CustomGradient h @odd :3 !none", detail="quantise")),
        [("error", *BOTH, "odd CustomGradient :3")],
    ),
    "two on one way, two lines": (
        chain("r = Round h @first :4", "c = Round r @second :5"),
        [("error", *BOTH, "first Round :4")],
    ),
    "two on one way, one line": (
        chain("r = Round h @first :5", "c = Round r @second :5"),
        [("error", *BOTH, "first Round :5")],
    ),
    "two ways through one operation each": (
        chain("p = Round h @left :4", "q = Round h @right :5", "c = AddV2 p q"),
        [("error", *BOTH, "left Round :4")],
    ),
    "input only, rounded": (
        flow("r = Round x @pick :2", "o = MatMul r k", "-- loss", "loss() = Mean o", inputs=["x"], variables=["k"]),
        [("warning", ("x",), (), "pick Round :2")],
    ),
    "input only, made an index": (
        LOOKED_UP,
        [("info", ("x",), (), "pick Cast")],
    ),
    "input only, made the same index in all rows": (
        facts(LOOKED_UP, is_blind=lambda key: key == "x"),
        [("warning", ("x",), (), "pick Cast")],
    ),
    "input only, made indices that tell rows apart": (
        facts(LOOKED_UP, is_blind=lambda key: False),
        [("info", ("x",), (), "pick Cast")],
    ),
    "decides a branch": (
        flow(
            "s() = MatMul x gate/kernel @gate",
            "d:bool() = Greater s 0 @gate :8",
            "o = MatMul y head/kernel",
            "-- loss",
            "loss() = Mean o",
            inputs=["x", "y"],
            variables=["gate/kernel", "head/kernel"],
            decisions=["d"],
        ),
        [("error", ("x",), ("gate/kernel",), "gate Greater :8")],
    ),
    "decides with an input only": (
        flow(
            "s() = Sum x @gate",
            "d:bool() = Greater s 0 @gate :8",
            "o = MatMul y head/kernel",
            "-- loss",
            "loss() = Mean o",
            inputs=["x", "y"],
            variables=["head/kernel"],
            decisions=["d"],
        ),
        [("info", ("x",), (), "gate Greater :8")],
    ),
}
QUIET = {
    "differentiable": chain("c = Tanh h"),
    "straight through": chain("r = Round h", "d = Sub r h", "s = StopGradient d", "c = AddV2 h s"),
    "a mask beside an open way": chain("m:bool = Greater h 0", "f = Cast m", "c = Mul h f"),
    "custom gradient that passes": chain(op("c = Round h", enclosed=True), op("c = CustomGradient h")),
    "values of a look-up": flow(
        "o = GatherV2 table ids", "-- loss", "loss() = Mean o", inputs=["ids:int32(8,)"], variables=["table"]
    ),
    "integer input": flow(
        "f = Cast ids", "o = MatMul f k", "-- loss", "loss() = Mean o", inputs=["ids:int32"], variables=["k"]
    ),
    "frozen before it": flow(
        "h = MatMul ids dense/kernel",
        "c = Round h",
        *TAIL,
        inputs=["ids:int32"],
        variables=[variable("dense/kernel", trainable=False), "head/kernel"],
    ),
    "a metric beside the loss": flow(
        "h = MatMul x k", "-- loss", "a:int64(8,) = ArgMax h", "loss() = Mean h", inputs=["x"], variables=["k"]
    ),
    "stop_gradient": chain("c = StopGradient h"),
    "numpy": chain("c = NumpyConversion h"),
    "assigned": chain("v:resource = AssignVariableOp memory h", "c = ReadVariableOp v"),
    "no loss": chain("c = Round h", loss="none"),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert found(RULE, subject) == expected


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize(("state", "fires"), [("absent", True), ("zero", False), (1e-30, False), ("non-finite", False)])
def test_absent_is_not_zero(state, fires):
    subject = chain("c = Round h", gradients={"x": state, "dense/kernel": state})
    assert bool(found(RULE, subject)) is fires


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (op("c = Bessel h !unregistered"), "no gradient for Bessel, and a tape that reaches it raises LookupError"),
        (op("c = Odd h !raises", detail="ValueError: no"), "the gradient function of Odd raises (ValueError: no)"),
        (op("c = Round h"), "Round goes in steps, flat wherever it is smooth, and has no gradient"),
        (op("c:int32 = Cast h"), "turns floats into whole numbers or booleans"),
        (op("c = CustomGradient h !none", detail="quantise"), "the custom gradient of 'quantise' returns None"),
        (op("c = CustomGradient h !raises", detail="TypeError: no"), "a custom gradient raises TypeError: no"),
    ],
)
def test_says_why(line, words):
    (finding,) = RULE.check(facts(chain(line)))
    assert words in finding.message


def test_names_the_other_places():
    subject = chain("p = Round h @left :4", "q = Round h @right :5", "c = AddV2 p q")
    (finding,) = RULE.check(facts(subject))
    assert finding.evidence["also"] == ["right Round model.py:5"]
