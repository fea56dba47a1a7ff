"""Derivatives of zeros, which the user's own code takes."""

from __future__ import annotations

import pytest
from flows import facts, flow, op

from gradlint.passes.derivatives import zero_derivatives
from gradlint.rules.gl201_zero_gradient import RULE

ZEROS = {"detail": "a derivative of zeros"}
NOT_ZERO = {"detail": None}


def run(second=ZEROS, reads="d2 p", first=NOT_ZERO):
    return flow(
        "h = Relu x @h1",
        "p = MatMul h w @head",
        op("d1 = InnerGradient p :4", **first),
        op("d2 = InnerGradient d1 :5", **second),
        "-- loss",
        f"r = AddV2 {reads}",
        "loss() = Mean r",
        inputs=["x"],
        variables=["w"],
    )


def test_a_derivative_of_zeros_is_found_with_the_rectifiers_behind_it():
    subject = run()
    (found,) = zero_derivatives(subject, [run()])
    assert (found.op.line, found.is_second, found.rectifiers, found.is_confirmed) == (5, True, ("h1",), True)
    (found,) = zero_derivatives(subject, [])
    assert not found.is_confirmed


@pytest.mark.parametrize(
    ("subject", "probes"),
    [(run(NOT_ZERO), []), (run(), [run(), run(NOT_ZERO)]), (run(reads="p d1"), [])],
    ids=["not zero", "not in a probe", "not in the loss"],
)
def test_what_moves_or_does_not_count_is_none(subject, probes):
    assert zero_derivatives(subject, probes) == ()


def test_a_first_derivative_is_told_from_a_second():
    found = zero_derivatives(run(first=ZEROS), [])
    assert [(entry.op.line, entry.is_second) for entry in found] == [(4, False), (5, True)]


def test_what_is_multiplied_by_it_is_its_victim_and_no_finding_of_its_own():
    subject = flow(
        "h = Relu x @h1",
        "p = MatMul h w @head",
        op("d1 = InnerGradient p :4", **NOT_ZERO),
        op("d2 = InnerGradient d1 :5", **ZEROS),
        "-- loss",
        "f = Mul scale d2 :6 !zero,passes",
        "r = AddV2 p f",
        "loss() = Mean r",
        inputs=["x"],
        variables=["w", "scale"],
        values={"d2": "zeros"},
    )
    (finding,) = RULE.check(facts(subject, probes=[subject]))
    assert (finding.cause.line, finding.variables) == (5, ("scale",))
    assert "with it 'scale'" in finding.message
