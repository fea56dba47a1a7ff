from __future__ import annotations

import pytest
from dense_models import BOTH, chain
from flows import facts, flow, found, variable

from gradlint.rules.gl301_nonfinite_gradient import RULE

SQRT = "c = Sqrt h @norm :4 !non-finite"
FIRES = {
    "sqrt": (chain(SQRT), [("error", *BOTH, "norm Sqrt :4")]),
    "in the loss": (
        flow(
            "h = MatMul x dense/kernel @dense",
            "-- loss",
            "l = Log h !non-finite",
            "loss() = Mean l",
            inputs=["x"],
            variables=["dense/kernel"],
        ),
        [("error", *BOTH, "dense Log")],
    ),
    "the one next to the loss": (
        chain("p = Sqrt h @first !non-finite", "c = Sqrt p @second !non-finite"),
        [("error", *BOTH, "second Sqrt")],
    ),
    "two branches": (
        flow(
            "p = Sqrt a @left !non-finite",
            "q = Sqrt b @right !non-finite",
            "-- loss",
            "s = AddV2 p q",
            "loss() = Mean s",
            inputs=["a", "b"],
        ),
        [("error", ("a",), (), "left Sqrt"), ("error", ("b",), (), "right Sqrt")],
    ),
    "hidden by a where": (
        chain("r = Sqrt h @norm !non-finite", "c = SelectV2 m r z !none,zero,zero"),
        [("error", *BOTH, "norm Sqrt")],
    ),
}
QUIET = {
    "finite": chain("c = Sqrt h"),
    "beside the loss": chain("s = Sqrt h !non-finite", "c = Tanh h"),
    "nothing learns before it": chain(
        SQRT, inputs=["x:int32"], variables=[variable("dense/kernel", trainable=False), "head/kernel"]
    ),
    "born in the forward pass": chain(SQRT, values={"c": "nan"}, loss_value=None),
    "no loss": chain(SQRT, loss="none"),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert found(RULE, subject) == expected


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize(("state", "fires"), [("absent", False), ("zero", False), (1e30, False), ("non-finite", True)])
def test_only_what_is_not_finite(state, fires):
    subject = chain(SQRT, gradients=dict.fromkeys(["h", "x", "dense/kernel", "dense/kernel'"], state))
    assert bool(found(RULE, subject)) is fires


def test_says_at_which_values():
    (finding,) = RULE.check(facts(chain(SQRT, values={"h": (0.0, 2.5)})))
    assert finding.message.startswith("the gradient of Sqrt is not finite at values from 0 to 2.5: input 'x'")
    (finding,) = RULE.check(facts(chain(SQRT, values={"h": None})))
    assert finding.message.startswith("the gradient of Sqrt is not finite: input 'x'")


def test_one_line_that_runs_twice_has_all_its_victims():
    subject = flow(
        "p = Sqrt a @norm :4 !non-finite",
        "q = Sqrt b @norm :4 !non-finite",
        "-- loss",
        "s = AddV2 p q",
        "loss() = Mean s",
        inputs=["a", "b"],
    )
    assert found(RULE, subject) == [("error", ("a", "b"), (), "norm Sqrt :4")]
