"""CTC finds no way where a prediction has fewer steps than a row has letters, and blanks between equal ones."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import gradlint


@pytest.mark.parametrize(
    ("letters", "told"),
    [([1, 2, 3, 4], []), ([1, 2, 2, 3], ["GL410"]), ([1, 2, 2, 0], []), ([1, 2, 3, 4, 5], ["GL410"])],
)
def test_steps_of_letters(letters: list[int], told: list[str]) -> None:
    x = keras.Input((4, 3), name="x")
    model = keras.Model(x, keras.layers.Dense(7, name="letters")(x))
    model.compile("sgd", keras.losses.CTC())
    sample = {"x": np.random.default_rng(0).normal(size=(5, 4, 3)).astype("float32"), "y": np.array([letters] * 5)}
    found = [f for f in gradlint.check(model, sample).findings if f.severity.value == "error"]
    assert [f.code for f in found] == told
    assert all("no way through the 4 of the prediction" in f.message for f in found)
