from __future__ import annotations

import pytest
from contracts import model
from flows import facts, flow, found, variable

from gradlint.record.recording import Failure
from gradlint.record.terms import Region
from gradlint.rules.gl108_nothing_trainable import RULE

FAILURE = Failure("shape", "no", Region.MODEL, "dense", "Dense", "MatMul", None, None)


def dense(*variables, **options):
    return flow("h = MatMul x a/kernel", "-- loss", "loss() = Mean h", inputs=["x"], variables=variables, **options)


def frozen(path):
    return variable(path, trainable=False)


FIRES = {
    "callable": (dense(frozen("a/kernel"), frozen("b/kernel")), [("error", (), ("a/kernel", "b/kernel"), "b")]),
    "compiled": (
        facts(dense(frozen("a/kernel")), spec=model(("x", (None, 4)))),
        [("error", (), ("a/kernel",), "a")],
    ),
    "not compiled": (
        facts(dense(frozen("a/kernel")), spec=model(("x", (None, 4)), loss=None)),
        [("info", (), ("a/kernel",), "a")],
    ),
    "never used": (
        dense(frozen("a/kernel"), frozen("b/kernel"), loss="none"),
        [("error", (), ("a/kernel", "b/kernel"), "b")],
    ),
}
QUIET = {
    "one is left": dense(frozen("a/kernel"), "b/kernel"),
    "no variables": flow("h = Tanh x", "-- loss", "loss() = Mean h", inputs=["x"]),
    "untracked ones learn nothing, but are another rule's": dense(variable("a/kernel", tracked=False)),
    "failed": dense(frozen("a/kernel"), failure=FAILURE),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert found(RULE, subject) == expected


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize("state", ["absent", "zero", 1e-30, "non-finite"])
def test_gradients_do_not_matter(state):
    assert len(found(RULE, dense(frozen("a/kernel"), gradients={"a/kernel": state}))) == 1
    assert found(RULE, dense("a/kernel", gradients={"a/kernel": state})) == []


def test_counts():
    (finding,) = RULE.check(facts(dense(frozen("a/kernel"), frozen("b/kernel"))))
    assert finding.evidence["variables"] == 2
