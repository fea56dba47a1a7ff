"""Arguments as people write them, and messages in their words."""

from __future__ import annotations

import pytest

from gradlint.checking.arguments import labels, refuse_misplaced, several, table, texts
from gradlint.checking.interface import in_the_words_of_the_caller, on_the_command_line
from gradlint.errors import UsageError


def test_one_thing_stands_for_a_list_of_it() -> None:
    model = object()
    assert several("models", model) == (model,)
    assert several("models", [model, model]) == (model, model)
    assert texts("select", "GL103") == ("GL103",)
    assert texts("imports", "layers.py") == ("layers.py",)
    assert several("models", None) == ()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("y", ((None, "y"),)),
        (["y"], ((None, "y"),)),
        (["head=y"], (("head", "y"),)),
        ([("head", "y")], (("head", "y"),)),
        ({"head": "y"}, (("head", "y"),)),
    ],
)
def test_labels_are_named_by_key_by_pair_or_by_output(given, meant) -> None:
    assert labels(given) == meant


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: labels([3]), "targets must name labels"),
        (lambda: texts("select", [3]), "select must be a list of text, and holds 3"),
        (lambda: table("mapping", "x"), "mapping must be a dict, not str"),
        (lambda: refuse_misplaced(ValueError, None), r"ValueError is a class; give a model: ValueError\(...\)"),
        (lambda: refuse_misplaced("s.npz", "m.keras"), "the other way round"),
    ],
)
def test_what_makes_no_sense_is_told_in_the_words_of_the_interface(call, words) -> None:
    with pytest.raises(UsageError, match=words):
        call()


def test_options_are_spelled_as_the_caller_writes_them() -> None:
    message = "Rename them or pass --map x=a, --import layers.py, --target y, --fail-on, --threshold or --trust-model"
    python = (
        "Rename them or pass mapping={'x': 'a'}, imports=['layers.py'], targets=['y'], fail_on, thresholds or "
        "trust_model=True"
    )
    assert in_the_words_of_the_caller(message) == python
    with on_the_command_line():
        assert in_the_words_of_the_caller(message) == message
