from __future__ import annotations

import pytest
from flows import facts, flow, op

from gradlint.report import FORMATS
from gradlint.result import Result
from gradlint.rules import ALL_RULES

RULES = {rule.code: rule for rule in ALL_RULES}


def chain(*lines, **options):
    """x through a Dense layer and `lines`, which take h and make c."""
    options = {"inputs": ["x"], "variables": ["dense/kernel"]} | options
    return flow("h = MatMul x dense/kernel @dense", *lines, "-- loss", "loss() = Mean c", **options)


EXPLANATIONS = {
    "step": ("GL201", chain("c = Sign h !zero"), "tanh for sign"),
    "clipped": ("GL201", chain("c = ClipByValue h 0 1 !zero"), "Widen the bounds"),
    "times zeros": ("GL201", chain("c = Mul h mask !zero,none", values={"mask": "zeros"}), "Leave the factor"),
    "one unit": (
        "GL204",
        flow(
            "h(8,1) = MatMul x dense/kernel @dense",
            "c(8,1) = Softmax h !zero",
            "-- loss",
            "loss() = Mean c",
            inputs=["x"],
            variables=["dense/kernel(4,1)"],
        ),
        "binary_crossentropy",
    ),
    "rounded": ("GL103", chain("c = Round h !none"), "tf.stop_gradient(tf.round(x) - x)"),
    "chosen": ("GL103", chain("i:int64(8,) = ArgMax h", "c = Cast i"), "softmax weights"),
    "an input detached": (
        "GL104",
        flow("s = StopGradient x", "c = MatMul s k", "-- loss", "loss() = Mean c", inputs=["x"], variables=["k"]),
        "saliency",
    ),
    "dropped": (
        "GL102",
        chain("p = Mul h gate/scale @gate", "c = Tanh h", variables=["dense/kernel", "gate/scale"]),
        "Hand the result on",
    ),
    "never read": (
        "GL102",
        chain("c = Tanh h", variables=["dense/kernel", "gate/scale"]),
        "Use the variable in call()",
    ),
    "a custom gradient": ("GL103", chain(op("c = CustomGradient h !none", detail="mine")), "one gradient per argument"),
}


@pytest.mark.parametrize(("code", "subject", "words"), EXPLANATIONS.values(), ids=EXPLANATIONS)
def test_each_explanation_has_its_own_advice(code, subject, words):
    (finding,) = RULES[code].check(facts(subject))
    result = Result("m", "", "", "", "values", (finding,), catalogue=(RULES[code].info,))
    assert words in result.advice(finding)
    assert result.advice(finding) != RULES[code].advice
    assert words in FORMATS["markdown"](result, None).replace("\\", "")


def test_what_has_no_advice_of_its_own_has_that_of_its_rule():
    (finding,) = RULES["GL104"].check(facts(chain("c = StopGradient h")))
    result = Result("m", "", "", "", "values", (finding,), catalogue=(RULES["GL104"].info,))
    assert result.advice(finding) == RULES["GL104"].advice
