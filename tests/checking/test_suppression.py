"""Allowances: what a pattern fits, what is hidden, and what is blamed for fitting nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlint.checking.suppression import allowances, matches, suppress, unused_error
from gradlint.errors import UsageError
from gradlint.finding import Cause, Finding, Severity
from gradlint.result import Result

STOPPED = Finding(
    "GL104",
    "stop-gradient",
    Severity.WARNING,
    "Stopped.",
    variables=("target_net/dense/kernel", "target_net/dense/bias"),
    cause=Cause("lambda", "StopGradient"),
)
DEAD = Finding("GL202", "dead-relu", Severity.WARNING, "Dead.", cause=Cause("encoder/relu_1", "Relu"))
UNUSED = Finding("GL101", "disconnected-input", Severity.ERROR, "No path.", inputs=("b",))
RULES = ("GL101", "GL104", "GL202")


def result(*findings: Finding, depth: str = "values", rules: tuple[str, ...] = RULES) -> Result:
    return Result("m.keras", "m", "s", "mse", depth, findings, rules=rules)


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("target_net", "target_*"),
        ("target_net/dense/kernel", "target_*"),
        ("target_net/dense/kernel", "target_net"),
        ("target_net/dense/kernel", "*/dense"),
        ("target_net/dense/kernel", "target_net/*/kernel"),
        ("a/b/c/dense", "**/dense"),
        ("dense", "**/dense"),
        ("a/b/c", "**"),
        ("a/b/c", "a/**/c"),
        ("block_7/relu", "block_[0-9]/relu"),
        ("anything/at/all", "*"),
    ],
)
def test_fits(path: str, pattern: str) -> None:
    assert matches(path, pattern)


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("my_target_net", "target_*"),
        ("online/target_net", "target_*"),
        ("target", "target/dense"),
        ("a/b/dense", "*/dense"),  # one part only
        ("Dense", "dense"),
        ("dense_1", "dense"),
    ],
)
def test_does_not_fit(path: str, pattern: str) -> None:
    assert not matches(path, pattern)


@given(st.lists(st.text("ab_1", min_size=1), min_size=1, max_size=4).map("/".join))
def test_a_path_fits_itself_its_folders_and_everything(path: str) -> None:
    parts = path.split("/")
    assert all(matches(path, "/".join(parts[:end])) for end in range(1, len(parts) + 1))
    assert matches(path, "**")
    assert not matches(path, f"{path}/more")


@pytest.mark.parametrize(
    ("allow", "left"),
    [
        ({}, [STOPPED, DEAD, UNUSED]),
        ({"GL104": "target_*"}, [DEAD, UNUSED]),  # by all of its victims
        ({"stop-gradient": "lambda"}, [DEAD, UNUSED]),  # by its cause
        ({"GL2": ["decoder/*", "encoder/*"]}, [STOPPED, UNUSED]),
        ({"GL101": "b"}, [STOPPED, DEAD]),  # by its inputs: it has no variables
        ({"GL1": "*", "GL2": "*"}, []),
        ({"GL104": "target_net/dense/kernel"}, [STOPPED, DEAD, UNUSED]),  # one victim of two
    ],
)
def test_what_is_left(allow: dict[str, object], left: list[Finding]) -> None:
    before = result(STOPPED, DEAD, UNUSED)
    after, _ = suppress(before, allowances(allow))
    assert list(after.findings) == left
    assert len(after.notes) == (len(left) < 3) + (not left)


def test_a_note_counts_what_is_hidden() -> None:
    after, unused = suppress(result(STOPPED, STOPPED), allowances({"GL104": "target_*"}))
    assert after.notes == ("2 findings allowed: GL104 at 'target_*'",)
    assert unused == ()
    assert after.ok


def test_what_fits_nothing_is_named_with_its_place() -> None:
    allowed = allowances({"GL104": ["target_*", "teacher"]}, "pyproject.toml:7")
    _, unused = suppress(result(STOPPED), allowed)
    assert [allowance.pattern for allowance in unused] == ["teacher"]
    assert str(unused_error(unused)) == "pyproject.toml:7: GL104 at 'teacher' fits no finding; remove it"


@pytest.mark.parametrize(
    ("allow", "meant"),
    [
        ({"GL104": "targt_net"}, "'target_net'"),  # a folder that all victims are in, and not one of them
        ({"GL104": "target_net/dnse"}, "'target_net/dense'"),
        ({"stop-gradient": "**/dnse"}, "'**/dense'"),  # what is right stays
        ({"GL2": "encodr/relu*"}, "'encoder/relu*'"),
        ({"GL202": "relu_1"}, "'encoder/relu_1'"),
        ({"GL1": "lamda"}, "'lambda'"),
        ({"GL202": "lambda"}, "GL104"),  # another rule speaks there
        ({"dead-relu": "target_net"}, "stop-gradient"),
        ({"GL202": "teacher"}, ""),
        ({"GL104": "targt_net", "stop-gradient": "target_net"}, ""),  # what is allowed needs no other ignore
    ],
)
def test_what_was_likely_meant_is_said(allow: dict[str, str], meant: str) -> None:
    _, (unused,) = suppress(result(STOPPED, DEAD, UNUSED), allowances(allow))
    assert unused.meant == meant
    advice = f"did you mean {meant}? If not, remove it" if meant else "remove it"
    assert str(unused_error([unused])) == f"{unused} fits no finding; {advice}"
    if meant.startswith("'"):
        (rule,) = allow
        assert suppress(result(STOPPED, DEAD, UNUSED), allowances({rule: meant.strip("'")}))[1] == ()


@pytest.mark.parametrize("checked", [result(depth="preflight"), result(rules=("GL101",))])
def test_no_blame_where_nothing_could_fit(checked: Result) -> None:
    assert suppress(checked, allowances({"GL104": "target_*"})) == (checked, ())


def test_overlapping_allowances_are_both_used() -> None:
    _, unused = suppress(result(STOPPED), allowances({"GL104": ["target_*", "lambda"]}))
    assert unused == ()


@pytest.mark.parametrize(
    ("allow", "message"),
    [
        ({"GL999": "a"}, "no rule is called 'GL999'"),
        ({"GL104": 3}, "GL104 needs a path pattern"),
        ({"GL104": [""]}, "GL104 needs a path pattern"),
        (["GL104"], "allow must map rules to path patterns"),
    ],
)
def test_what_is_no_allowance(allow: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        allowances(allow)
