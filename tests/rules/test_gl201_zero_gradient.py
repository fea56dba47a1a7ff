from __future__ import annotations

import pytest
from dense_models import BOTH, chain
from flows import facts, flow, found, on_other_data, op, variable

from gradlint.rules.gl201_zero_gradient import RULE


def ids(*lines, **options):
    """An embedding of integers and `lines`, which take h and make c."""
    return chain(*lines, inputs=["x:int32(8,)"], **options)


SIGN = "c = Sign h @act :4 !zero"
OPEN = ("s = Sign h @act :4 !zero", "k = MatMul x skip/kernel @skip", "c = AddV2 s k")
FIRES = {
    "step": (chain(SIGN), [("error", *BOTH, "act Sign :4")]),
    "step beside an open way": (
        chain(*OPEN, variables=["dense/kernel", "skip/kernel", "head/kernel"]),
        [("error", (), ("dense/kernel",), "act Sign :4")],
    ),
    "clipped": (chain("c = ClipByValue h 0 1 @act :4 !zero"), [("warning", *BOTH, "act ClipByValue :4")]),
    "clipped beside an open way": (
        chain(
            "s = ClipByValue h 0 1 @act !zero",
            "k = MatMul x skip/kernel",
            "c = AddV2 s k",
            variables=["dense/kernel", "skip/kernel", "head/kernel"],
        ),
        [("info", (), ("dense/kernel",), "act ClipByValue")],
    ),
    "minimum of a constant": (chain("c = Minimum h 1 @act !zero"), [("warning", *BOTH, "act Minimum")]),
    "maximum of a constant above zero": (chain("c = Maximum h 1 @act !zero"), [("warning", *BOTH, "act Maximum")]),
    "the other operand of a where": (chain("c = SelectV2 m h z @act !zero"), [("warning", *BOTH, "act SelectV2")]),
    "times zeros": (
        facts(chain("c = Mul h mask @act !zero,none", values={"mask": "zeros"}), neutral=on_other_data()),
        [("error", *BOTH, "act Mul")],
    ),
    "times a frozen zero": (
        chain(
            "c = Mul h gate @act !zero,none",
            variables=["dense/kernel", "head/kernel", variable("gate", trainable=False, values="zeros")],
        ),
        [("info", *BOTH, "act Mul")],
    ),
    "a kernel behind a zero activation": (
        flow(
            "o = MatMul x dense/kernel @dense !passes,zero",
            "-- loss",
            "loss() = Mean o",
            inputs=["x"],
            variables=["dense/kernel"],
            values={"x": "zeros"},
        ),
        [("warning", (), ("dense/kernel",), "dense MatMul")],
    ),
    "gradients that cancel": (
        chain("p = Tanh h", "q = Neg h", "c = AddV2 p q", gradients=dict.fromkeys(("h", "x", "dense/kernel"), "zero")),
        [("warning", *BOTH, "AddV2")],
    ),
    "custom gradient of zeros": (
        chain(op("c = Square h", enclosed=True), "c = CustomGradient h @act :4 !zero"),
        [("error", *BOTH, "act CustomGradient :4")],
    ),
    "unknown": (chain("c = Odd h @act !zero"), [("warning", *BOTH, "act Odd")]),
    "the loss is flat here": (
        chain("c = ClipByValue h 0 1 @act !zero", loss_value=0.0),
        [("info", *BOTH, "act ClipByValue")],
    ),
    "a margin that is satisfied": (
        flow(
            "o = MatMul x dense/kernel @dense",
            "-- loss",
            "d = Sub y o",
            "m = Minimum d 1 !zero",
            "loss() = Mean m",
            inputs=["x"],
            labels=["y"],
            variables=["dense/kernel"],
            outputs=["o"],
        ),
        [("info", *BOTH, "dense Minimum")],
    ),
    "the operation is not flat": (
        chain(
            op("s = ClipByValue h 0 1 @act !zero", mismatch=0.5),
            "k = MatMul x skip/kernel",
            "c = AddV2 s k",
            variables=["dense/kernel", "skip/kernel", "head/kernel"],
        ),
        [("warning", (), ("dense/kernel",), "act ClipByValue")],
    ),
    "the loss is not flat": (
        facts(chain("c = ClipByValue h 0 1 @act !zero", loss_value=0.0), lying=frozenset({"dense/kernel"})),
        [("error", *BOTH, "act ClipByValue")],
    ),
    "a custom gradient that differs from the slope": (
        chain(op("c = Square h", enclosed=True), op("c = CustomGradient h @act !zero", mismatch=0.5)),
        [("info", *BOTH, "act CustomGradient")],
    ),
    "ids": (
        ids("s = GatherV2 table x", "c = ClipByValue s 0 1 @act !zero", variables=["table", "head/kernel"]),
        [("warning", (), ("table",), "act ClipByValue")],
    ),
}
QUIET = {
    "alive": chain("c = Sign h"),
    "one way open for all": chain("s = Sign h !zero", "c = AddV2 s h"),
    "alive in a probe": facts(chain(SIGN), probes=[chain(SIGN), chain("c = Sign h")]),
    "frozen and integers": ids(SIGN, variables=[variable("dense/kernel", trainable=False), "head/kernel"]),
    "a metric beside the loss": chain("c = Tanh h", "s = Sign h !zero"),
    "a dead relu": chain("c = Relu h !zero"),
    "saturated": chain("c = Tanh h !zero"),
    "zero weights": chain(
        "c = MatMul h gate/kernel !zero,zero",
        variables=["dense/kernel", "head/kernel", variable("gate/kernel", values="zeros")],
    ),
    "no loss": chain(SIGN, loss="none"),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert found(RULE, subject) == expected


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize(("state", "fires"), [("absent", False), ("zero", True), (1e-30, False), ("non-finite", False)])
def test_zero_is_not_tiny(state, fires):
    subject = chain(SIGN, gradients=dict.fromkeys(["h", "x", "dense/kernel", "dense/kernel'"], state))
    assert bool(found(RULE, subject)) is fires


def test_a_failed_probe_says_nothing():
    failed = flow("h = MatMul x dense/kernel", inputs=["x"], variables=["dense/kernel"], failure=object())
    assert len(found(RULE, facts(chain(SIGN), probes=[failed]))) == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("c = Sign h !zero", "Sign is a step function"),
        ("c = ClipByValue h 0 1 !zero", "ClipByValue selects the other operand"),
        ("c = Odd h !zero", "Odd hands on a gradient of exactly zero"),
        (op("c = Odd h !zero", mismatch=0.5), "zero although the loss changes"),
        ("c = CustomGradient h !zero", "the custom gradient returns zeros"),
    ],
)
def test_says_why(line, words):
    (finding,) = RULE.check(facts(chain(line)))
    assert words in finding.message
    assert finding.message.endswith("input 'x' and 'dense/kernel' with zero gradient")
