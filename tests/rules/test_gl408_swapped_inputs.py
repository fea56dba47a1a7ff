from __future__ import annotations

import pytest
from contracts import facts, model
from hypothesis import given
from hypothesis import strategies as st

from gradlint.rules.gl408_swapped_inputs import RULE


def named(**names):
    """Facts of a model whose dict keys feed Inputs of the given names."""
    pairs = [(key.replace("__", "/"), (None, 4), {"name": name}) for key, name in names.items()]
    return facts(model(*pairs), **dict.fromkeys(names, (5, 4)))


FIRES = {
    "pair": (named(token="segment", segment="token"), [("token", "segment")]),
    "round of three": (named(a="b", b="c", c="a", d="d"), [("a", "b", "c")]),
    "two pairs": (named(a="b", b="a", c="d", d="c"), [("a", "b"), ("c", "d")]),
    "one level down": (named(user__a="b", user__b="a", b="x"), [("user/a", "user/b")]),
}
QUIET = {
    "same": named(a="a", b="b"),
    "aliases": named(a="input_1", b="input_2"),
    "chain that does not close": named(a="b", b="x"),
    "into a loop elsewhere": named(a="b", b="b"),
    "other level": named(user__a="b", b="a"),
    "path as name": named(user__age="user_age"),
}


@pytest.mark.parametrize(("facts_", "keys"), FIRES.values(), ids=FIRES)
def test_fires(facts_, keys):
    assert [finding.inputs for finding in RULE.check(facts_)] == keys


@pytest.mark.parametrize("facts_", QUIET.values(), ids=QUIET)
def test_is_quiet(facts_):
    assert not list(RULE.check(facts_))


@given(st.permutations("abcdef"))
def test_every_key_off_its_place_is_in_one_finding(names):
    found = [key for finding in RULE.check(named(**dict(zip("abcdef", names, strict=True)))) for key in finding.inputs]
    assert sorted(found) == [key for key, name in zip("abcdef", names, strict=True) if key != name]
