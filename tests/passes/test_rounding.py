from __future__ import annotations

import pytest
from flows import flow

from gradlint.passes.reasons import Why
from gradlint.passes.rounding import rounded

NOISE = ("gate/kernel", "gate/kernel'", "gate/bias", "h", "w")


def router(tiny=1e-9, **options):
    """A gate over its own sum, beside an expert."""
    options = {"inputs": ["x"], "variables": ["gate/kernel", "gate/bias", "expert/kernel"]} | options
    return flow(
        "m = MatMul x gate/kernel @gate",
        "h = BiasAdd m gate/bias @gate",
        "w = Sigmoid h @gate",
        "s = Sum w @router",
        "q = RealDiv w s @router :17",
        "e = MatMul x expert/kernel @expert",
        "o = Mul e q",
        "-- loss",
        "loss() = Mean o",
        gradients={"gate/kernel": tiny, "gate/bias": 1e-9, "h": 1e-9, "m": 1e-9, "w": 1e-9, "expert/kernel": 1.0},
        **options,
    )


def noise_of(subject, *names):
    """The tensors of a flow by the names of what they are of."""
    found = {variable.tensor for variable in subject.recording.variables if variable.path in names}
    made = {op.outputs[0] for op in subject.recording.ops if op.type in names}
    return frozenset(found | made)


def test_a_quotient_of_equals_is_where_the_ways_meet():
    subject = router()
    noise = noise_of(subject, "gate/kernel", "gate/bias", "ReadVariableOp", "MatMul", "BiasAdd", "Sigmoid")
    (block,) = rounded(subject, lambda: noise)
    assert (block.op.type, block.op.line, block.why, block.is_tested) == ("RealDiv", 17, Why.ROUNDING, True)
    assert [variable.path for variable in block.variables] == ["gate/kernel", "gate/bias"]


def test_what_only_one_operation_takes_is_where_that_is():
    subject = router()
    noise = noise_of(subject, "gate/kernel", "ReadVariableOp")
    (block,) = rounded(subject, lambda: noise)
    assert (block.op.type, block.op.layer) == ("MatMul", "gate")


@pytest.mark.parametrize(
    ("subject", "noise"),
    [
        (router(), ()),
        (router(), ("gate/bias",)),
        (router(tiny=1e-4), ("gate/kernel", "gate/bias", "ReadVariableOp", "MatMul", "BiasAdd", "Sigmoid")),
    ],
    ids=["a vanishing gradient", "a bias, of which it is mathematics", "no tiny gradient"],
)
def test_is_quiet(subject, noise):
    assert list(rounded(subject, lambda: noise_of(subject, *noise))) == []


@pytest.mark.parametrize("gradient", ["zero", "absent", "non-finite", 1.0])
def test_nothing_is_tried_without_a_tiny_gradient(gradient):
    def never():
        raise AssertionError

    assert list(rounded(router(tiny=gradient), never)) == []
