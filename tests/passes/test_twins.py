from __future__ import annotations

import pytest
from flows import flow, values, variable

from gradlint.passes.twins import are_copies

ONLINE = values(-1.0, 1.0, mean=0.2)


def pair(target, *, shape="(4,4)", online=ONLINE, state="finite", online_shape="(4,4)"):
    subject = flow(
        "p = MatMul x online/k",
        "t = MatMul x target/k",
        "s = StopGradient t",
        "d = Sub p s",
        "loss() = Mean d",
        inputs=["x"],
        variables=[variable(f"online/k{online_shape}", values=online), variable(f"target/k{shape}", values=target)],
        gradients={"online/k": state},
    )
    return subject, [v for v in subject.recording.variables if v.path == "target/k"]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (values(-1.0, 1.0, mean=0.2), True),
        (values(-1.001, 0.999, mean=0.201), True),
        (values(-1.01, 1.0, mean=0.2), False),
        (values(-1.0, 1.01, mean=0.2), False),
        (values(-1.0, 1.0, mean=0.21), False),
        (None, False),
    ],
)
def test_values(target, expected):
    assert are_copies(*pair(target)) is expected


def test_shapes():
    assert are_copies(*pair(ONLINE, shape="(4,8)")) is False
    # Biases alone start at zero in every network.
    assert are_copies(*pair(ONLINE, shape="(4,)", online_shape="(4,)")) is False


def test_values_of_the_other_are_unknown():
    assert are_copies(*pair(ONLINE, online=None)) is False


@pytest.mark.parametrize(
    ("state", "expected"), [("absent", False), ("zero", True), (1e-30, True), ("non-finite", False)]
)
def test_the_other_must_learn(state, expected):
    assert are_copies(*pair(ONLINE, state=state)) is expected


def test_each_needs_its_own():
    subject, (target,) = pair(ONLINE)
    other = variable("other/k(4,4)", values=values(5.0, 6.0))
    _, (stranger,) = pair(other.options["values"])
    assert are_copies(subject, [target, stranger]) is False
    assert are_copies(subject, [target, target]) is True


def test_of_nothing():
    assert are_copies(pair(ONLINE)[0], []) is False
