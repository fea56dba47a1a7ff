"""Floats that become whole numbers: whether the loss notices which row has which."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

import gradlint


@pytest.mark.parametrize(("scale", "severity"), [(1.0, "info"), (0.01, "warning")])
def test_scaled_ids_that_all_become_zero(scale: float, severity: str) -> None:
    keras.utils.set_random_seed(0)
    ids, x = keras.Input((5,), name="ids"), keras.Input((3,), name="x")
    items = layers.GlobalAveragePooling1D()(layers.Embedding(40, 4, name="items")(ids))
    model = keras.Model([ids, x], layers.Dense(1)(layers.Concatenate()([items, x])))
    model.compile("sgd", "mse")
    rng = np.random.default_rng(0)
    sample = {
        "ids": (rng.integers(0, 40, (8, 5)) * scale).astype("float32"),
        "x": rng.normal(size=(8, 3)).astype("float32"),
        "y": rng.normal(size=(8, 1)).astype("float32"),
    }
    (found,) = gradlint.check(model, sample).findings
    assert (found.code, found.severity.value, found.inputs, found.cause.layer) == ("GL103", severity, ("ids",), "items")
