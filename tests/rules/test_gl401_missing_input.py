from __future__ import annotations

import pytest
from contracts import facts, model

from gradlint.rules.gl401_missing_input import RULE

AB = model(("a", (None, 1)), ("b", (None, 1)))
FIRES = {
    "renamed": (facts(AB, a=(5, 1), bb=(5, 1), y=(5, 1)), ["b"]),
    "absent": (facts(AB, a=(5, 1)), ["b"]),
    "both": (facts(AB, c=(5, 1), d=(5, 1)), ["a", "b"]),
    "nested": (
        facts(model(("user/age", (None, 1)), ("item/age", (None, 1))), age=(5, 1)),
        ["user/age", "item/age"],
    ),
}
QUIET = {
    "all": facts(AB, a=(5, 1), b=(5, 1)),
    "optional": facts(model(("a", (None, 1)), ("b", (None, 1), {"optional": True})), a=(5, 1)),
    "by Keras name": facts(model(("k", (None, 1), {"name": "a"}), ("l", (None, 1), {"name": "b"})), a=(5, 1), b=(5, 1)),
    "by last part": facts(model(("user/age", (None, 1)), ("user/name", (None, 1))), age=(5, 1), name=(5, 1)),
    "single input takes any key": facts(model(("input_layer_3", (None, 4))), features=(5, 4), y=(5, 1)),
    "undeclared": facts(model(("x", (None, 4), {"declared": False})), a=(5, 4), b=(5, 4)),
}


@pytest.mark.parametrize(("given", "keys"), FIRES.values(), ids=FIRES)
def test_fires(given, keys):
    assert [finding.inputs for finding in RULE.check(given)] == [(key,) for key in keys]


@pytest.mark.parametrize("given", QUIET.values(), ids=QUIET)
def test_is_quiet(given):
    assert not list(RULE.check(given))


def test_message_names_the_close_key_and_no_label():
    (finding,) = RULE.check(FIRES["renamed"][0])
    assert finding.message == "the model's input 'b' is not in the sample, which has 'a', 'bb'. Did you mean 'bb'?"
