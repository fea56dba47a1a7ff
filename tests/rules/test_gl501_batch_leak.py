from __future__ import annotations

import pytest
from flows import flow, found

from gradlint.record.leak import Leak
from gradlint.rules.gl501_batch_leak import RULE


def model(leak, **options):
    return flow("h = MatMul x k", "-- loss", "loss() = Mean h", inputs=["x"], variables=["k"], leak=leak, **options)


def test_fires():
    subject = model(Leak("Reshape", "mix", "model.py", 4, "x", 7, (0, 1)))
    assert found(RULE, subject) == [("error", ("x",), (), "mix Reshape :4")]


def test_through_a_state_that_is_written_it_may_be_meant():
    subject = model(Leak("MatMul", "memory", "model.py", 4, "x", 7, (0, 1), is_state=True))
    assert found(RULE, subject) == [("warning", ("x",), (), "memory MatMul :4")]


def test_outside_of_every_layer():
    assert found(RULE, model(Leak("Mean", "", None, None, "x", 0, (1,)))) == [("error", ("x",), (), "Mean")]


def test_is_quiet():
    assert found(RULE, model(None)) == []


@pytest.mark.parametrize("state", ["absent", "zero", 1e-30, "non-finite"])
def test_gradients_do_not_matter(state):
    assert found(RULE, model(None, gradients={"x": state, "k": state})) == []
