from __future__ import annotations

import pytest
from contracts import facts, model

from gradlint.rules.gl402_unexpected_input import RULE

FEATURE = model(("input_feature", (None, 168, 3)))
TWO = model(("a", (None, 1)), ("b", (None, 1)))
FIRES = {
    "scalar in front": (
        facts(FEATURE, ignore_feature=(2,), input_feature=(2, 168, 3), y=(2, 1)),
        ["ignore_feature"],
    ),
    "two": (facts(TWO, a=(2, 1), b=(2, 1), row=(2,), when=(2,)), ["row", "when"]),
}
QUIET = {
    "labels and weights": facts(FEATURE, input_feature=(2, 168, 3), y=(2, 1), sample_weight=(2,)),
    "label of a loss that is not an output": facts(TWO, a=(2, 1), b=(2, 1), **{"y:advantage": (2,)}),
    "what GL401 names": facts(TWO, a=(2, 1), bb=(2, 1)),
    "an input called y": facts(model(("x", (None, 1)), ("y", (None, 1))), x=(2, 1), y=(2, 1)),
    "subclassed": facts(model(("x", (None, 4), {"declared": False})), a=(5, 4), b=(5, 4)),
}


@pytest.mark.parametrize(("given", "keys"), FIRES.values(), ids=FIRES)
def test_fires(given, keys):
    assert [finding.inputs for finding in RULE.check(given)] == [(key,) for key in keys]


@pytest.mark.parametrize("given", QUIET.values(), ids=QUIET)
def test_is_quiet(given):
    assert not list(RULE.check(given))
