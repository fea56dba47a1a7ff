"""One seed covers all randomness: that of Keras's own generators, too."""

from __future__ import annotations

import random

import keras
import numpy as np
import pytest

import gradlint


def norms(python_seed: int, seed: int = 0) -> list[float | None]:
    """The gradient norms of a model with Dropout that a fresh process would have made."""
    state = random.getstate()
    random.seed(python_seed)  # Keras starts a generator without a seed from here.
    try:
        x = keras.Input((8,), name="x")
        h = keras.layers.Dropout(0.5)(keras.layers.Dense(16, kernel_initializer="ones")(x))
        model = keras.Model(x, keras.layers.Dense(1, kernel_initializer="ones")(h))
    finally:
        random.setstate(state)
    before = [np.array(variable) for variable in model.variables]
    result = gradlint.check(model, {"x": np.ones((4, 8), "float32")}, seed=seed)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.variables, strict=True))
    return [variable.norm for variable in result.variables]


def test_the_same_seed_gives_the_same_numbers_whatever_the_generators_were() -> None:
    assert norms(1) == norms(2)


def test_another_seed_draws_anew() -> None:
    assert norms(1, seed=0) != pytest.approx(norms(1, seed=1))
