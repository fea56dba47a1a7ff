from __future__ import annotations

import pytest
from dense_models import BOTH, chain
from flows import facts, flow, found, op, variable

from gradlint.rules.gl203_saturated_activation import RULE


def closed(share, op_type="Sigmoid"):
    """An activation of which a share is saturated, and a tiny gradient behind it."""
    return op(f"c = {op_type} h @act :4", saturated=share)


FIRES = {
    "sigmoid, exactly zero": (chain("c = Sigmoid h @act :4 !zero"), [("warning", *BOTH, "act Sigmoid :4")]),
    "sigmoid, tiny": (chain(closed(1.0)), [("warning", *BOTH, "act Sigmoid :4")]),
    "tanh": (chain(closed(1.0, "Tanh")), [("warning", *BOTH, "act Tanh :4")]),
    "softmax": (chain(closed(0.96, "Softmax")), [("warning", *BOTH, "act Softmax :4")]),
    "just closed": (chain(closed(0.95)), [("warning", *BOTH, "act Sigmoid :4")]),
    "beside an open way": (
        chain(
            op("s = Sigmoid h @act", saturated=1.0),
            "k = MatMul x skip/kernel",
            "c = AddV2 s k",
            variables=["dense/kernel", "skip/kernel", "head/kernel"],
        ),
        [("info", (), ("dense/kernel",), "act Sigmoid")],
    ),
    "the loss is flat here": (chain(closed(1.0), loss_value=0.0), [("info", *BOTH, "act Sigmoid :4")]),
    "ids": (
        flow(
            "e = GatherV2 table x",
            "c = Tanh e @act !zero",
            "-- loss",
            "loss() = Mean c",
            inputs=["x:int32(8,)"],
            variables=["table"],
        ),
        [("warning", (), ("table",), "act Tanh")],
    ),
}
QUIET = {
    "open": chain(closed(0.0)),
    "nearly closed": chain(closed(0.94)),
    "not measured": chain("c = Sigmoid h"),
    "open in a probe": facts(chain(closed(1.0)), probes=[chain(closed(0.5))]),
    "one of two ways": chain(op("s = Sigmoid h", saturated=1.0), "c = AddV2 s h"),
    "frozen and integers": chain(
        closed(1.0), inputs=["x:int32"], variables=[variable("dense/kernel", trainable=False), "head/kernel"]
    ),
    "a dead relu": chain("c = Relu h !zero"),
    "softmax over one element": chain("p(8,1) = Sum h", "c(8,1) = Softmax p !zero"),
    "no loss": chain(closed(1.0), loss="none"),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert found(RULE, subject) == expected


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize(("state", "fires"), [("absent", False), ("zero", True), (1e-30, True), ("non-finite", False)])
def test_tiny_is_as_bad_as_zero_behind_a_closed_function(state, fires):
    victims = dict.fromkeys(["h", "x", "dense/kernel", "dense/kernel'"], state)
    subject = chain(op(f"c = Sigmoid h {'!zero' if state == 'zero' else ''}", saturated=1.0), gradients=victims)
    assert bool(found(RULE, subject)) is fires


def test_tiny_is_harmless_behind_an_open_function():
    assert found(RULE, chain(closed(0.5), gradients={"h": 1e-30, "x": 1e-30})) == []


def test_says_which_values_go_in():
    (finding,) = RULE.check(facts(chain("c = Sigmoid h !zero", values={"h": (-900.0, 1200.0)})))
    assert "values from -900 to 1.2e+03 go in" in finding.message
    (finding,) = RULE.check(facts(chain("c = Sigmoid h !zero", values={"h": None})))
    assert finding.message.startswith("Sigmoid is saturated: input 'x'")


def test_an_underflow_is_no_saturation():
    subject = chain(op("c:float16 = Sigmoid h !zero", saturated=0.0), values={"h": (-1.4, 1.4)})
    assert found(RULE, subject) == []
