from __future__ import annotations

import pytest
from flows import facts, flow, found

from gradlint.record.recording import Failure
from gradlint.record.terms import Region
from gradlint.rules.gl407_layer_shape import RULE


def failed(kind="shape", region=Region.MODEL, layer="join", **fields):
    fields = {"class_name": "Join", "op": "ConcatV2", "file": "model.py", "line": 9} | fields
    failure = Failure(kind, "ranks do not match", region, layer, **fields)
    return flow("h = MatMul x k", inputs=["x"], variables=["k"], loss="none", failure=failure)


FIRES = {
    "in a layer": (
        failed(shapes=((4, 8), (4, 2, 8)), inputs=("a", "b")),
        [("error", ("a", "b"), (), "join ConcatV2 :9")],
    ),
    "in the loss": (
        failed(region=Region.LOSS, layer="out", file=None, line=None),
        [("error", (), (), "out ConcatV2")],
    ),
    "nobody knows where": (failed(layer=None, op=None, file=None, line=None), [("error", (), (), "")]),
}
QUIET = {
    "a dtype": failed(kind="dtype"),
    "no failure": flow("h = MatMul x k", "-- loss", "loss() = Mean h", inputs=["x"], variables=["k"]),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert found(RULE, subject) == expected


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize("state", ["absent", "zero", 1e-30, "non-finite"])
def test_gradients_do_not_matter(state):
    healthy = flow(
        "h = MatMul x k",
        "-- loss",
        "loss() = Mean h",
        inputs=["x"],
        variables=["k"],
        gradients={"x": state, "k": state},
    )
    assert found(RULE, healthy) == []


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        (
            failed(shapes=((4, 8), (4, 2, 8)), inputs=("a", "b")),
            "layer 'join' fails with tensors of shape (4, 8), (4, 2, 8) (from 'a' and 'b'): ranks do not match",
        ),
        (failed(), "layer 'join' fails: ranks do not match"),
        (failed(region=Region.LOSS), "the loss fails: ranks do not match"),
    ],
)
def test_says_what(subject, message):
    (finding,) = RULE.check(facts(subject))
    assert finding.message == message


def test_without_a_layer_none_is_named():
    (finding,) = RULE.check(facts(failed(layer=None)))
    assert "None" not in finding.message
