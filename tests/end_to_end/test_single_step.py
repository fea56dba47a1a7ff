"""A recurrent layer that is given one step multiplies its recurrent kernel by the zeros that it starts from."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import gradlint


def found(shape: tuple[int | None, int], steps: int, layer: type) -> list[tuple[str, str, tuple[str, ...]]]:
    inputs = keras.Input(shape, name="window")
    hidden = layer(4, name="recurrent")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(hidden))
    model.compile("sgd", "mse")
    random = np.random.default_rng(0)
    sample = {"window": random.normal(size=(8, steps, 3)).astype("float32"), "y": random.normal(size=(8, 1))}
    return [(f.severity.value, f.code, f.variables) for f in gradlint.check(model, sample).findings]


@pytest.mark.parametrize("layer", [keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN])
def test_a_model_of_one_step(layer: type) -> None:
    ((severity, code, (variable,)),) = found((1, 3), 1, layer)
    assert (severity, code) == ("warning", "GL201")
    assert variable.endswith("recurrent_kernel")


def test_a_sample_of_one_step_says_little_of_a_model_of_any() -> None:
    assert [(severity, code) for severity, code, _ in found((None, 3), 1, keras.layers.LSTM)] == [("info", "GL201")]
    assert found((None, 3), 5, keras.layers.LSTM) == []
