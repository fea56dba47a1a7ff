from __future__ import annotations

import pytest
from flows import facts, flow, found, label, output, variable

from gradlint.rules.gl106_output_without_loss import RULE

AUX = output("a", name="aux")


def heads(*lines, reads="o", **options):
    """A trunk with the output o and what `lines` make of t; the loss reads o."""
    options = {
        "inputs": ["x"],
        "variables": ["trunk/kernel", "out/kernel", "aux/kernel"],
        "outputs": ["o", AUX],
    } | options
    return flow(
        "t = MatMul x trunk/kernel @trunk",
        "o = MatMul t out/kernel @out",
        *lines,
        "-- loss",
        f"loss() = Mean {reads}",
        **options,
    )


UNREAD = ("a = MatMul t aux/kernel @aux :6",)
FIRES = {
    "its head cannot learn": (heads(*UNREAD), [("warning", (), ("aux/kernel",), "aux MatMul")]),
    "a loss of one's own": (heads(*UNREAD, loss_line=30), [("warning", (), ("aux/kernel",), "aux MatMul :30")]),
    "declined": (
        heads(*UNREAD, outputs=["o", output("a", is_declined=True)]),
        [("info", (), ("aux/kernel",), "aux MatMul")],
    ),
    "declined, and labels for it all the same": (
        heads(*UNREAD, outputs=["o", output("a", is_declined=True)], labels=[label("y1", output="a")]),
        [("info", (), ("aux/kernel",), "aux MatMul")],
    ),
    "one of two declined": (
        heads(
            "a = MatMul t aux/kernel @aux",
            "b = Relu a @aux",
            outputs=["o", output("a", is_declined=True), output("b")],
        ),
        [("warning", (), ("aux/kernel",), "aux Relu")],
    ),
    "an input feeds nothing else": (
        heads("a = MatMul y aux/kernel @aux :6", inputs=["x", "y"]),
        [("error", ("y",), ("aux/kernel",), "aux MatMul")],
    ),
    "an output of the trunk, the loss reads another": (
        heads(reads="y", inputs=["x", "y"], variables=["trunk/kernel", "out/kernel"], outputs=["o"]),
        [("error", ("x",), ("trunk/kernel", "out/kernel"), "out MatMul")],
    ),
}
QUIET = {
    "both read": heads(*UNREAD, "m = AddV2 o a", reads="m"),
    "its head has no variables of its own": heads("a = Tanh t @aux", variables=["trunk/kernel", "out/kernel"]),
    "its head is frozen": heads(
        *UNREAD, variables=["trunk/kernel", "out/kernel", variable("aux/kernel", trainable=False)]
    ),
    "its head is shared": heads("a = MatMul t out/kernel @out", variables=["trunk/kernel", "out/kernel"]),
    "dropped before it is an output": heads(*UNREAD, outputs=["o"]),
    "no loss": heads(*UNREAD, loss="none"),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert found(RULE, subject) == expected


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize(("state", "fires"), [("absent", True), ("zero", False), (1e-30, False), ("non-finite", False)])
def test_absent_is_not_zero(state, fires):
    assert bool(found(RULE, heads(*UNREAD, gradients={"aux/kernel": state}))) is fires


def test_names_the_outputs():
    (finding,) = RULE.check(facts(heads(*UNREAD)))
    assert finding.evidence["outputs"] == ["aux"]
    assert finding.message.startswith("output 'aux' is read by no loss")


def test_no_finding_is_more_severe_than_the_rule():
    subject, _ = FIRES["an input feeds nothing else"]
    assert all(finding.severity.order <= RULE.severity.order for finding in RULE.check(facts(subject)))
