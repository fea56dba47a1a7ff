from __future__ import annotations

import keras
import numpy as np
import pytest

import gradlint

X, ONES = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")


@pytest.fixture(scope="module")
def outputs():
    x = keras.Input((2,), name="x")
    return x, {name: keras.layers.Dense(1, name=name)(x) for name in ("reg", "cls")}


def notes_of(outputs, sample, loss=None):
    model = keras.Model(*outputs)
    if loss is not None:
        model.compile("sgd", loss)
    return gradlint.check(model, {"x": X, **sample}, select=["GL101"]).notes


def test_the_output_without_labels_is_named(outputs):
    (note,) = notes_of(outputs, {"y:reg": ONES}, {"reg": "mse", "cls": "mse"})
    assert note.startswith("the label 'y:reg' is not used: the sample has no labels for the compiled loss of 'cls'")


def test_labels_of_a_model_that_is_not_compiled_are_said_to_be_unused(outputs):
    (note,) = notes_of(outputs, {"reg": ONES, "cls": ONES})
    assert note.startswith("the labels 'cls', 'reg' are not used: the model is not compiled; compile it")


def test_labels_that_are_used_are_no_news(outputs):
    assert notes_of(outputs, {"reg": ONES, "cls": ONES}, {"reg": "mse", "cls": "mse"}) == ()
    assert notes_of(outputs, {}) == ()
