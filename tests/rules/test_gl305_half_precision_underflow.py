from __future__ import annotations

import pytest
from flows import facts, flow, found, variable

from gradlint.rules.gl305_half_precision_underflow import RULE

BOTH = (("x",), ("dense/kernel",))


def chain(*lines, dtype="float16", **options):
    """x through a Dense layer and `lines`, which take h and make c, in float16."""
    options = {
        "inputs": [f"x:{dtype}"],
        "variables": [f"dense/kernel:{dtype}", f"head/kernel:{dtype}"],
        "outputs": ["o"],
    } | options
    return flow(
        f"h:{dtype} = MatMul x dense/kernel @dense",
        *lines,
        f"o:{dtype} = MatMul c head/kernel @head",
        "-- loss",
        "f = Cast o",
        "loss() = Mean f",
        **options,
    )


EXP = "c:float16 = Exp h @act :4 !zero"
FIRES = {
    "float16": (chain(EXP), [("warning", *BOTH, "act Exp :4")]),
    "on the way into float16": (
        flow(
            "h = MatMul x dense/kernel @dense",
            "c:float16 = Cast h @cast !zero",
            "-- loss",
            "loss() = Mean c",
            inputs=["x"],
            variables=["dense/kernel"],
        ),
        [("warning", *BOTH, "cast Cast")],
    ),
    "beside an open way": (
        chain(
            "e:float16 = Exp h @act !zero",
            "k:float16 = Tanh x",
            "c:float16 = AddV2 e k",
        ),
        [("info", (), ("dense/kernel",), "act Exp")],
    ),
}
QUIET = {
    "float16 that passes": chain("c:float16 = Exp h"),
    "float32": chain("c = Exp h !zero", dtype="float32"),
    "bfloat16": chain("c:bfloat16 = Exp h !zero", dtype="bfloat16"),
    "a dead relu": chain("c:float16 = Relu h !zero"),
    "a step": chain("c:float16 = Sign h !zero"),
    "times zeros": chain("c:float16 = Mul h mask !zero,none", values={"mask": "zeros"}),
    "alive in a probe": facts(chain(EXP), probes=[chain("c:float16 = Exp h @act :4")]),
    "frozen and integers": chain(
        EXP, inputs=["x:int32"], variables=[variable("dense/kernel", trainable=False), "head/kernel"]
    ),
    "no loss": chain(EXP, loss="none"),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert found(RULE, subject) == expected


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize(("state", "fires"), [("absent", False), ("zero", True), (6e-8, False), ("non-finite", False)])
def test_zero_is_not_tiny(state, fires):
    subject = chain(EXP, gradients=dict.fromkeys(["h", "x", "dense/kernel", "dense/kernel'"], state))
    assert bool(found(RULE, subject)) is fires


def test_a_product_underflows_too():
    subject = chain("c:float16 = Mul h small @scale !zero,none", values={"small": (1e-4, 1e-4)})
    assert found(RULE, subject) == [("warning", *BOTH, "scale Mul")]
