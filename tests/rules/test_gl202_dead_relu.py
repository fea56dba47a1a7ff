from __future__ import annotations

import pytest
from dense_models import BOTH, chain
from flows import facts, flow, found, variable

from gradlint.rules.gl202_dead_relu import RULE


def skipped(units, **options):
    """The rectifier stands beside an open way."""
    return chain(
        f"r(8,{units}) = Relu h @act !zero",
        "k = MatMul x skip/kernel",
        "c = AddV2 r k",
        variables=["dense/kernel", "skip/kernel", "head/kernel"],
        **options,
    )


DEAD = "c = Relu h @act :4 !zero"
FIRES = {
    "relu": (chain(DEAD), [("warning", *BOTH, "act Relu :4")]),
    "relu6": (chain("c = Relu6 h @act !zero"), [("warning", *BOTH, "act Relu6")]),
    "maximum with zero": (chain("c = Maximum h 0 @act !zero"), [("warning", *BOTH, "act Maximum")]),
    "many units beside an open way": (skipped(9), [("info", (), ("dense/kernel",), "act Relu")]),
    "few units beside an open way": (skipped(8), [("info", (), ("dense/kernel",), "act Relu")]),
    "ids": (
        flow(
            "e = GatherV2 table x",
            "c = Relu e @act !zero",
            "-- loss",
            "loss() = Mean c",
            inputs=["x:int32(8,)"],
            variables=["table"],
        ),
        [("warning", (), ("table",), "act Relu")],
    ),
    "one layer called twice": (
        chain("p = Relu h @act !zero", "q = Relu h @act !zero", "c = AddV2 p q"),
        [("warning", *BOTH, "act Relu")],
    ),
    "two layers, one behind the other": (
        chain("p = Relu h @first !zero", "c = Relu p @second !zero"),
        [("warning", *BOTH, "second Relu")],
    ),
    "the loss is flat here": (chain(DEAD, loss_value=0.0), [("info", *BOTH, "act Relu :4")]),
}
QUIET = {
    "alive": chain("c = Relu h"),
    "leaky": chain("c = LeakyRelu h"),
    "one of two ways": chain("r = Relu h !zero", "c = AddV2 r h"),
    "alive in a probe": facts(chain(DEAD), probes=[chain("c = Relu h @act :4")]),
    "dead and beside the loss": chain("r = Relu h !zero", "c = Tanh h"),
    "frozen and integers": chain(
        DEAD, inputs=["x:int32"], variables=[variable("dense/kernel", trainable=False), "head/kernel"]
    ),
    "maximum with one": chain("c = Maximum h 1 !zero"),
    "no loss": chain(DEAD, loss="none"),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert found(RULE, subject) == expected


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize(("state", "fires"), [("absent", False), ("zero", True), (1e-30, False), ("non-finite", False)])
def test_zero_is_not_tiny(state, fires):
    subject = chain(DEAD, gradients=dict.fromkeys(["h", "x", "dense/kernel", "dense/kernel'"], state))
    assert bool(found(RULE, subject)) is fires


def test_evidence():
    subject = chain(DEAD, values={"h": (-5.0, -1.0), "c": "zeros"})
    (finding,) = RULE.check(facts(subject))
    assert finding.evidence["inactive_share"] == 1.0
    assert (finding.evidence["operand_min"], finding.evidence["operand_max"]) == (-5.0, -1.0)
    assert "all 32 elements" in finding.message


def test_a_surrogate_loss_of_zero_is_not_flat():
    subject = chain(DEAD, loss_value=0.0, loss_kind="surrogate")
    assert found(RULE, subject) == [("warning", *BOTH, "act Relu :4")]
