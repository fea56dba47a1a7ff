from __future__ import annotations

import pytest
from flows import call, facts, flow, found, variable

from gradlint.record.recording import LeftOut
from gradlint.record.terms import Omission
from gradlint.rules.gl102_disconnected_variable import RULE

READ = "e = MatMul x enc/kernel @enc"
WAY = ("h = MatMul x head/kernel @head", "-- loss", "loss() = Mean h")


def model(*variables, before=(), **options):
    """A model with a head that learns, and variables that may not."""
    options = {"inputs": ["x"], "outputs": ["h"]} | options
    return flow(*before, *WAY, variables=["head/kernel", *variables], **options)


FIRES = {
    "its layer does not read it": (
        model("gate/scale"),
        [("error", (), ("gate/scale",), "gate")],
    ),
    "its model is never called": (
        model(
            variable("tower/a/kernel", owner_called=False, blamed=""),
            variable("tower/b/kernel", owner_called=False, blamed=""),
        ),
        [("error", (), ("tower/a/kernel", "tower/b/kernel"), "tower")],
    ),
    "created on one line": (
        model(
            variable("p/kernel", owner_called=False, file="model.py", line=4),
            variable("q/kernel", owner_called=False, file="model.py", line=4),
            variable("r/kernel", owner_called=False, file="model.py", line=5),
        ),
        [("error", (), ("p/kernel", "q/kernel"), "p :4"), ("error", (), ("r/kernel",), "r :5")],
    ),
    "its result is dropped": (
        model("gate/scale", before=["d = Mul x gate/scale @gate :9"]),
        [("warning", (), ("gate/scale",), "gate Mul :9")],
    ),
    "only its shape is read": (
        model("gate/scale", before=["s:int32(1,) = Shape gate/scale @gate :9"]),
        [("warning", (), ("gate/scale",), "gate ReadVariableOp")],
    ),
    "library code computes and drops it": (
        model("gate/scale", before=["d = Mul x gate/scale @gate"], calls=[call("gate ->", is_library=True)]),
        [("info", (), ("gate/scale",), "gate Mul")],
    ),
    "an output of a sub-model that nobody takes": (
        model(
            "bert/pooler/kernel",
            before=["p = MatMul x bert/pooler/kernel @bert/pooler :7"],
            calls=[call("bert -> x p", is_model=True)],
        ),
        [("warning", (), ("bert/pooler/kernel",), "bert/pooler MatMul :7")],
    ),
    "an output of a library's sub-model that nobody takes": (
        model(
            "bert/pooler/kernel",
            before=["p = MatMul x bert/pooler/kernel @bert/pooler"],
            calls=[call("bert -> x p", is_model=True, is_library=True, class_name="BertBackbone")],
        ),
        [("info", (), ("bert/pooler/kernel",), "bert/pooler MatMul")],
    ),
    "library code does not need it": (
        model(variable("gate/scale", blamed_is_library=True)),
        [("info", (), ("gate/scale",), "gate")],
    ),
    "its gradient is never asked for": (
        model(variable("enc/kernel", left_out=LeftOut(Omission.UNASKED, False, "model.py", 8)), before=[READ]),
        [("warning", (), ("enc/kernel",), "enc :8")],
    ),
    "another step may train it": (
        model(variable("enc/kernel", left_out=LeftOut(Omission.UNASKED, True, "model.py", 8)), before=[READ]),
        [("info", (), ("enc/kernel",), "enc :8")],
    ),
    "waits for an optional argument": (
        model(variable("gate/scale", optional=True)),
        [("info", (), ("gate/scale",), "gate")],
    ),
    "read in a branch not entered": (
        facts(model("gate/scale"), in_branches=frozenset({"gate/scale"})),
        [("info", (), ("gate/scale",), "gate")],
    ),
    "disappears in a derivative": (
        flow(
            "e() = AddV2 x energy/constant @energy",
            "f = InnerGradient e @energy",
            "h = MatMul f head/kernel",
            "-- loss",
            "loss() = Mean h",
            inputs=["x"],
            variables=["energy/constant", "head/kernel"],
        ),
        [("info", (), ("energy/constant",), "energy")],
    ),
}
QUIET = {
    "nobody asks for its gradient, by intent": model(
        variable("enc/kernel", left_out=LeftOut(Omission.RESTING)), before=[READ]
    ),
    "all used": flow(
        "g = Mul x gate/scale",
        "h = MatMul g head/kernel",
        *WAY[1:],
        inputs=["x"],
        variables=["gate/scale", "head/kernel"],
    ),
    "used in the loss only": flow(
        *WAY[:2], "loss() = Mul h penalty", inputs=["x"], variables=["head/kernel", "penalty"]
    ),
    "frozen": model(variable("gate/scale", trainable=False)),
    "integers": model("gate/steps:int64"),
    "untracked": model(variable("gate/scale", tracked=False)),
    "behind a stop_gradient": flow(
        "g = Mul x gate/scale",
        "s = StopGradient g",
        "h = MatMul s head/kernel",
        "-- loss",
        "loss() = Mean h",
        inputs=["x"],
        variables=["gate/scale", "head/kernel"],
    ),
    "lost together with an input": flow(
        "d = Mul b gate/scale", *WAY, inputs=["x", "b"], variables=["gate/scale", "head/kernel"]
    ),
    "behind an output without loss": model("aux/kernel", before=["a = MatMul x aux/kernel @aux"], outputs=["h", "a"]),
    "no loss": model("gate/scale", loss="none"),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert found(RULE, subject) == expected


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize(("state", "fires"), [("absent", True), ("zero", False), (1e-30, False), ("non-finite", False)])
def test_absent_is_not_zero(state, fires):
    subject = model("gate/scale", before=["d = Mul x gate/scale @gate"], gradients={"gate/scale": state})
    assert bool(found(RULE, subject)) is fires


@pytest.mark.parametrize(
    ("number", "words"), [(1, "1 trainable variable of 'gate'"), (2, "2 trainable variables of 'gate'")]
)
def test_counts(number, words):
    (finding,) = RULE.check(facts(model(*[f"gate/v{n}" for n in range(number)])))
    assert words in finding.message


def test_says_why_it_is_by_design():
    (finding,) = RULE.check(facts(model(variable("gate/scale", optional=True))))
    assert "optional argument" in finding.message
    assert finding.evidence["reason"] == "it is read only when an optional argument is given"
