"""Arguments as people write them, and messages in their words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import gradlint
from gradlint.checking.arguments import (
    as_for_fit,
    codes,
    learners,
    modules,
    named_labels,
    named_objects,
    refuse_misplaced,
    several,
    table,
    texts,
)
from gradlint.checking.interface import (
    in_the_words_of_the_caller,
    on_the_command_line,
    result_in_the_words_of_the_caller,
)
from gradlint.errors import UsageError
from gradlint.finding import Finding, Severity
from gradlint.result import Result, RuleInfo

if TYPE_CHECKING:
    from pathlib import Path


class Model:
    layers = trainable_variables = ()

    def fit(self):
        pass


def test_codes_are_written_as_on_the_command_line_too() -> None:
    assert codes("select", "GL103, GL2") == codes("select", ["GL103,GL2"]) == ("GL103", "GL2")


def test_a_module_stands_for_its_name_and_a_class_too() -> None:
    assert modules([pytest, "layers.py"]) == ("pytest", "layers.py")
    assert named_objects(Model) == named_objects([Model]) == named_objects({"Model": Model}) == (("Model", Model),)
    assert named_objects(None) == ()


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
    assert named_labels(given) == meant


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: named_labels([3]), "targets must name labels"),
        (lambda: texts("select", [3]), "select must be a list of text, and holds 3"),
        (lambda: table("mapping", "x"), "mapping must be a dict, not str"),
        (lambda: refuse_misplaced(ValueError, None), r"ValueError is a class; give a model: ValueError\(...\)"),
        (lambda: refuse_misplaced("s.npz", "m.keras"), "the other way round"),
        (lambda: refuse_misplaced(Model().fit, None), "fit is a method of Model; give the model itself"),
        (
            lambda: learners("models", "m", "trainable_variables", "models or layers"),
            "models must hold models or layers",
        ),
        (lambda: named_objects(3), "custom_objects must be classes or functions, not int"),
    ],
)
def test_what_makes_no_sense_is_told_in_the_words_of_the_interface(call, words) -> None:
    with pytest.raises(UsageError, match=words):
        call()


@pytest.mark.parametrize(
    ("imports", "said"),
    [
        ("nofile.py", "nofile.py does not exist$"),
        (["os", "layer.py"], r"layer.py does not exist; did you mean layers.py\?$"),
        ("no_such_module.layers", "imports: there is no module 'no_such_module'$"),
    ],
)
def test_a_live_model_imports_nothing_and_a_misspelt_name_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, imports: object, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "layers.py").write_text("raise AssertionError('a live model needs no import')\n")

    def model(sample: object) -> float:
        raise AssertionError("nothing is run")

    for checked in (gradlint.check, gradlint.compare):
        with pytest.raises(UsageError, match=said):
            checked(model, model, imports=imports)


def test_options_are_spelled_as_the_caller_writes_them() -> None:
    message = "Rename them or pass --map x=a, --import layers.py, --target y, --fail-on, --threshold or --trust-model"
    python = (
        "Rename them or pass mapping={'x': 'a'}, imports=['layers.py'], targets=['y'], fail_on, thresholds or "
        "trust_model=True"
    )
    assert in_the_words_of_the_caller(message) == python
    with on_the_command_line():
        assert in_the_words_of_the_caller(message) == message


def test_so_are_those_in_the_sentences_of_a_result() -> None:
    rule = RuleInfo("GL401", "missing-input", Severity.ERROR, "Rename the sample's key, or pass --map INPUT=KEY.", "")
    finding = Finding("GL401", "missing-input", Severity.ERROR, "m; see --depth values", advice="Pass --target y.")
    result = Result("m", "", "", "", "values", findings=(finding,), notes=("pass --loss LOSS",), catalogue=(rule,))
    said = result_in_the_words_of_the_caller(result)
    assert said.catalogue[0].advice == "Rename the sample's key, or pass mapping={'INPUT': 'KEY'}."
    assert (said.findings[0].message, said.findings[0].advice) == ("m; see depth='values'", "Pass targets=['y'].")
    assert said.notes == ("pass loss=...",)
    with on_the_command_line():
        assert result_in_the_words_of_the_caller(result) is result


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (("s", (), None, None, None), "s"),
        ((None, (), [1], None, None), [1]),
        ((None, (), [1], "y", None), ([1], "y")),
        ((None, (), [1], "y", "w"), ([1], "y", "w")),
        (([1], (), None, "y", None), ([1], "y")),
        (([1], ("y",), None, None, "w"), ([1], "y", "w")),
        ((([1], "y"), (), None, None, "w"), ([1], "y", "w")),
    ],
)
def test_parts_by_name_are_those_by_place(given: tuple[object, ...], read: object) -> None:
    assert as_for_fit(*given) == read  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (([1], (), [1], None, None), "x and the sample before it are both given"),
        (([1], ([2],), None, [2], None), "y is given twice"),
        (([1], ([2], [3]), None, None, [3]), "sample_weight is given twice"),
        ((None, (), None, [2], None), r"without the inputs that belong to it: check\(model, x=x, y=y\)"),
        (("batch.npz", (), None, [2], None), r"y cannot join a sample that is named, batch.npz"),
        (([1], (), None, None, [3]), "without the labels that it weighs"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(given: tuple[object, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        as_for_fit(*given)  # type: ignore[arg-type]
