from __future__ import annotations

import pytest
from flows import facts, flow, found, values, variable

from gradlint.rules.gl302_nonfinite_activation import RULE

ALL = (("x",), ("dense/kernel", "head/kernel"))
LOST = dict.fromkeys(["x", "h", "c", "o", "dense/kernel", "head/kernel"], "non-finite")


def chain(line, known, **options):
    """x through a Dense layer and a line, which takes h and makes c; everything behind it is not finite."""
    options = {
        "inputs": ["x"],
        "variables": ["dense/kernel", "head/kernel"],
        "gradients": LOST,
        "loss_value": None,
    } | options
    return flow(
        "h = MatMul x dense/kernel @dense",
        line,
        "o = MatMul c head/kernel @head",
        "-- loss",
        "loss() = Mean o",
        values=known,
        **options,
    )


LOG = "c = Log h @log :4"
FIRES = {
    "an operation": (chain(LOG, {"c": "nan", "o": "nan"}), [("error", *ALL, "log Log :4")]),
    "an infinity that becomes NaN": (
        chain(LOG, {"c": "inf", "o": "nan"}),
        [("error", *ALL, "log Log :4")],
    ),
    "an infinity that stays one": (chain(LOG, {"c": "inf", "o": "inf"}), [("error", *ALL, "log Log :4")]),
    "an infinity elsewhere": (
        flow(
            "i = Log y @other",
            "n = Log x @log",
            "c = AddV2 i n",
            "-- loss",
            "loss() = Mean c",
            inputs=["x", "y"],
            values={"i": "inf", "n": "nan", "c": "nan"},
            gradients={"x": "non-finite"},
            loss_value=None,
        ),
        [("error", ("x",), (), "log Log")],
    ),
    "an input": (chain(LOG, {"x": "nan", "h": "nan", "c": "nan"}), [("error", *ALL, "")]),
    "an integer-fed label": (
        flow(
            "o = MatMul x k",
            "-- loss",
            "d = Sub y o",
            "loss() = Mean d",
            inputs=["x"],
            labels=["y"],
            variables=["k"],
            values={"y": "nan", "d": "nan"},
            loss_value=None,
        ),
        [("error", (), (), "")],
    ),
    "a variable": (
        chain(
            LOG,
            {"h": "nan", "c": "nan"},
            variables=[variable("dense/kernel", values="nan"), "head/kernel"],
        ),
        [("error", *ALL, "dense")],
    ),
    "the loss is finite, a gradient is not": (
        chain(LOG, {"c": "inf"}, loss_value=1.0),
        [("error", *ALL, "log Log :4")],
    ),
}
QUIET = {
    "finite": chain(LOG, {}, gradients={}, loss_value=1.0),
    "an infinity without effect": chain(LOG, {"c": "inf"}, gradients={}, loss_value=1.0),
    "beside the loss": flow(
        "l = Log x",
        "o = MatMul x k",
        "-- loss",
        "loss() = Mean o",
        inputs=["x"],
        variables=["k"],
        values={"l": "nan"},
    ),
    "only backward": chain("c = Sqrt h !non-finite", {}, gradients={}, loss_value=1.0),
    "no loss": chain(LOG, {"c": "nan"}, loss="none"),
}


@pytest.mark.parametrize(("subject", "expected"), FIRES.values(), ids=FIRES)
def test_fires(subject, expected):
    assert found(RULE, subject) == expected


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize(("state", "fires"), [("absent", False), ("zero", False), (1e30, False), ("non-finite", True)])
def test_a_harmless_infinity_needs_a_gradient_that_is_not_finite(state, fires):
    subject = chain(LOG, {"c": "inf"}, gradients=dict.fromkeys(LOST, state), loss_value=1.0)
    assert bool(found(RULE, subject)) is fires


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"c": values(0.0, 3.0, nonfinite=5, nan=5), "h": (0.0, 9.0)}, "Log yields 5 values that are NaN or infinite"),
        ({"c": "nan", "h": (0.0, 9.0)}, "from operands between 0 and 9"),
        ({"x": values(0.0, 1.0, nonfinite=2, nan=2), "c": "nan"}, "'x' holds 2 values that are NaN or infinite"),
        ({"x": values(0.0, 1.0, nonfinite=1, nan=1), "c": "nan"}, "'x' holds 1 value that is NaN or infinite"),
    ],
)
def test_says_what(known, words):
    (finding,) = RULE.check(facts(chain(LOG, known)))
    assert words in finding.message


def test_an_input_is_named_once():
    (finding,) = RULE.check(facts(chain(LOG, {"x": "nan", "c": "nan"})))
    assert finding.inputs == ("x",)
    (finding,) = RULE.check(facts(chain(LOG, {"x": "nan", "c": "nan"}, gradients={})))
    assert finding.inputs == ("x",)


@pytest.mark.parametrize(
    ("line", "known", "words"),
    [
        ("c:float16 = Square h", {"c": "inf", "h": (0.0, 300.0)}, "float16 ends at 65504"),
        ("c = Exp h", {"c": "inf", "h": (0.0, 300.0)}, "float32 ends at 3.4e38"),
        (LOG, {"c": "inf", "h": (0.0, 300.0)}, None),
    ],
)
def test_a_type_that_comes_to_its_end(line, known, words):
    (finding,) = RULE.check(facts(chain(line, known)))
    assert (" ends at " in finding.message) is (words is not None)
    assert words is None or (words in finding.message and words in finding.advice)
