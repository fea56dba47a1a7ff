from __future__ import annotations

import pytest
from contracts import facts, model

from gradlint.rules.gl403_input_shape import RULE


def one(expected, given, **fields):
    return facts(model(("x", expected, fields)), x=given)


FIRES = {
    "rank too low": (one((None, 10, 32), (8, 32)), "2 axes instead of 3"),
    "rank too high": (one((None, 4), (8, 4, 2)), "3 axes instead of 2"),
    "no batch axis": (one((None, 4), (4,)), "the batch axis is missing"),
    "fixed axis": (one((None, 10, 32), (8, 12, 32)), "axis 1 is 12, not 10"),
    "two axes": (one((None, 10, 32), (8, 12, 31)), "axis 1 is 12, not 10, axis 2 is 31, not 32"),
    "broadcasts": (one((None, 3), (8, 1)), "axis 1 is 1, not 3"),
    "last axis of 1, another wrong": (one((None, 5), (8, 4, 1)), "axis 1 is 4, not 5"),
    "scalar": (one((None, 4, 4), ()), "0 axes instead of 3"),
}
QUIET = {
    "exact": one((None, 4), (8, 4)),
    "free axis": one((None, None, 3), (8, 17, 3)),
    "Keras adds a last axis": one((None, 1), (8,)),
    "Keras drops a last axis": one((None, 5), (8, 5, 1)),
    "Keras drops a last axis of a flat input": one((None,), (8, 1)),
    "fixed batch size is not checked by Keras": one((10, 5), (12, 5)),
    "ragged": one((None, 4), (8, None)),
    "undeclared": one((None, 4), (8, 9), declared=False),
}


@pytest.mark.parametrize(("given", "fault"), FIRES.values(), ids=FIRES)
def test_fires(given, fault):
    (finding,) = RULE.check(given)
    assert finding.inputs == ("x",)
    assert finding.message.endswith(f": {fault}")


@pytest.mark.parametrize("given", QUIET.values(), ids=QUIET)
def test_is_quiet(given):
    assert not list(RULE.check(given))


def test_labels_and_inputs_that_are_exchanged_are_called_so():
    (finding,) = RULE.check(facts(model(("x", (None, 3))), x=(8, 1), y=(8, 3)))
    assert finding.message.endswith("'y', of shape (8, 3), fits there: labels and inputs look exchanged")
    assert "inputs come first" in finding.advice
    (finding,) = RULE.check(facts(model(("x", (None, 3))), x=(8, 1), y=(8, 2)))
    assert "exchanged" not in finding.message + finding.advice
