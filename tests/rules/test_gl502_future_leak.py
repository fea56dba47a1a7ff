from __future__ import annotations

import pytest
from flows import facts, flow, found

from gradlint.record.leak import Leak
from gradlint.rules.gl502_future_leak import RULE


def model(*leaks, **options):
    return flow(
        "h = MatMul x k", "-- loss", "loss() = Mean h", inputs=["x"], variables=["k"], future_leaks=leaks, **options
    )


def test_fires_once_per_input():
    subject = model(
        Leak("Softmax", "attend", "model.py", 4, "x", 2, (3, 9)), Leak("Mean", "", None, None, "z", 0, (1,))
    )
    assert found(RULE, subject) == [("error", ("x",), (), "attend Softmax :4"), ("error", ("z",), (), "Mean")]


def test_is_quiet():
    assert found(RULE, model()) == []


def test_says_which_steps():
    (finding,) = RULE.check(facts(model(Leak("Softmax", "attend", "model.py", 4, "x", 2, (3, 9)))))
    assert "step 2" in finding.message
    assert finding.message.endswith("up to 9")


@pytest.mark.parametrize("state", ["absent", "zero", 1e-30, "non-finite"])
def test_gradients_do_not_matter(state):
    assert found(RULE, model(gradients={"x": state, "k": state})) == []
