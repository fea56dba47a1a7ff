from __future__ import annotations

import pytest
from dense_models import BOTH, chain
from flows import facts, flow, found

from gradlint.rules.gl105_python_detour import RULE

FIRES = {
    "numpy": (chain("c = NumpyConversion h @cut :4"), [("error", *BOTH, "cut NumpyConversion :4")]),
    "numpy_function": (chain("c = PyFunc h @cut :4"), [("error", *BOTH, "cut PyFunc :4")]),
    "in the loss": (
        flow(
            "h = MatMul x dense/kernel @dense",
            "-- loss",
            "loss() = NumpyConversion h",
            inputs=["x"],
            variables=["dense/kernel"],
            outputs=["h"],
        ),
        [("error", *BOTH, "dense NumpyConversion")],
    ),
    "an input only": (
        flow("s = PyFunc x :2", "o = MatMul s k", "-- loss", "loss() = Mean o", inputs=["x"], variables=["k"]),
        [("warning", ("x",), (), "PyFunc :2")],
    ),
}
QUIET = {
    "one way open": chain("s = NumpyConversion h", "c = AddV2 s h"),
    "a look beside the loss": chain("s = NumpyConversion h", "c = Tanh h"),
    "py_function keeps its gradient": chain("c = EagerPyFunc h"),
    "integers leave": flow(
        "s:int64 = PyFunc ids", "o = GatherV2 k s", "-- loss", "loss() = Mean o", inputs=["ids:int64"], variables=["k"]
    ),
    "another cut": chain("c = StopGradient h"),
    "no loss": chain("c = PyFunc h", loss="none"),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert found(RULE, subject) == expected


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize(("state", "fires"), [("absent", True), ("zero", False), (1e-30, False), ("non-finite", False)])
def test_absent_is_not_zero(state, fires):
    subject = chain("c = PyFunc h", gradients={"x": state, "dense/kernel": state})
    assert bool(found(RULE, subject)) is fires


@pytest.mark.parametrize(("op_type", "words"), [("PyFunc", "numpy_function"), ("NumpyConversion", "through NumPy")])
def test_says_how(op_type, words):
    (finding,) = RULE.check(facts(chain(f"c = {op_type} h")))
    assert words in finding.message
