"""A line is named from the files that the caller has at hand, and from no other that happens to be loaded."""

from __future__ import annotations

import importlib
import sys
import textwrap

import keras
import numpy as np
import pytest

import gradlint

MODEL = """
    import keras

    def build():
        a, b = keras.Input((3,), name="clicks"), keras.Input((4,), name="profile")
        out = keras.layers.Dense(1)(keras.layers.Concatenate()([a, b]))
        model = keras.Model([a, b], out)
        model.compile("sgd", "mse")
        return model
"""
OTHER = 'SAMPLE = {"clicks": None, "profile": None}\n'
CALLER = """
    import gradlint
    {more}

    def check(model, sample):
        return gradlint.check(model, sample)
"""
OWN = """
    import gradlint

    def check_own(model, make):
        return gradlint.check(model, {
            "clicks": make(8, 3),
            "profile": make(8, 2),
        })
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    names: list[str] = []

    def load(name, text):
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
        names.append(name)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    yield load
    for name in names:
        sys.modules.pop(name, None)


def place(result):
    (finding,) = result.findings
    assert finding.code == "GL403"
    return finding.cause.file and finding.cause.file.rpartition("/")[2], finding.cause.line


NAMES = ("clicks", "profile")
X = {name: np.zeros((8, width), "float32") for name, width in zip(NAMES, (3, 2), strict=True)}


def test_the_keys_of_an_unrelated_module_are_no_place(load) -> None:
    model = load("people_model", MODEL).build()
    load("people_unrelated", OTHER)
    caller = load("people_caller", CALLER.format(more=""))
    assert place(caller.check(model, X)) == (None, None)


@pytest.mark.parametrize("more", ["import people_data", "from people_data import make", "MADE = [{}]"])
def test_those_of_a_module_that_the_caller_uses_are(load, more) -> None:
    model = load("people_model", MODEL).build()
    data = load("people_data", f"{OTHER}\n\ndef make():\n    return SAMPLE\n")
    caller = load("people_caller", CALLER.format(more=more if "MADE" not in more else ""))
    if "MADE" in more:
        caller.MADE = [{"maker": data.make}]
    found = place(caller.check(model, X))
    assert found == ("people_data.py", 1)


def test_arrays_in_a_tuple_have_no_keys_that_somebody_wrote(load) -> None:
    model = load("people_model", MODEL).build()
    caller = load("people_caller", f"{textwrap.dedent(OWN)}\n{OTHER}")
    sample = ([X["clicks"], X["profile"]], np.zeros((8, 1), "float32"))
    assert place(gradlint.check(model, sample)) == (None, None)
    assert place(caller.check_own(model, lambda *shape: np.zeros(shape, "float32")))[1] is None  # Two dicts fit.


def test_the_dict_in_the_call_is_the_place(load) -> None:
    model = load("people_model", MODEL).build()
    caller = load("people_caller", OWN)
    made = caller.check_own(model, lambda *shape: np.zeros(shape, "float32"))
    assert place(made) == ("people_caller.py", 7)


def test_inputs_that_fit_in_each_others_places_are_said_to_be_swapped(load) -> None:
    model = load("people_model", MODEL).build()
    sample = [np.zeros((8, 4), "float32"), np.zeros((8, 3), "float32")]
    result = gradlint.check(model, (sample, np.zeros((8, 1), "float32")))
    assert [finding.inputs for finding in result.findings] == [("clicks",), ("profile",)]
    assert "it fits where 'profile' is, and the other way round" in result.findings[0].message
    assert all("change places" in result.advice(finding) for finding in result.findings)


def test_more_arrays_than_x_and_y_are_told_how_to_write_them(load) -> None:
    model = load("people_model", MODEL).build()
    with pytest.raises(gradlint.GradlintError, match=r"has the inputs 'clicks', 'profile', and x, .* is one array"):
        gradlint.check(model, *X.values(), np.zeros((8, 1), "float32"))


def test_the_class_of_the_callback_is_told_from_an_instance(load) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(gradlint.GradlintError, match=r"GradientCheck is a class; .* callbacks=\[GradientCheck\(\)\]"):
        model.fit(X["clicks"], X["clicks"][:, :1], verbose=0, callbacks=[gradlint.GradientCheck])
