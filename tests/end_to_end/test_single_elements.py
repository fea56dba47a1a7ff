"""Normalizations over one element: who leaves it single decides about the verdict, whatever lies before."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

import gradlint
from gradlint import Severity

RNG = np.random.default_rng(0)
BETWEEN = {
    "nothing": [],
    "dropout": [layers.Dropout(0.25)],
    "gelu": [layers.Activation("gelu")],
    "noise and relu": [layers.GaussianNoise(0.1), layers.ReLU()],
}


@pytest.mark.parametrize("between", BETWEEN)
def test_layer_normalization_over_one_feature(between: str) -> None:
    x = keras.Input((6, 1), name="x")
    h = layers.Conv1D(1, 3, padding="same")(x)
    for layer in BETWEEN[between]:
        h = layer(h)
    h = layers.LayerNormalization(name="norm")(h)
    model = keras.Model(x, layers.Dense(1)(layers.Flatten()(h + x)))
    model.compile("sgd", "mse")
    sample = {"x": RNG.normal(size=(4, 6, 1)).astype("float32"), "y": RNG.normal(size=(4, 1)).astype("float32")}
    (finding,) = gradlint.check(model, sample, select=["GL204"]).findings
    assert (finding.severity, finding.cause.layer) == (Severity.ERROR, "norm")


@pytest.mark.parametrize(("rows", "activation"), [(1, "relu"), (1, "linear"), (4, "relu")])
def test_batch_normalization_over_one_row(rows: int, activation: str) -> None:
    x = keras.Input((3,), name="x")
    h = layers.BatchNormalization(name="norm")(layers.Dense(6)(x))
    model = keras.Model(x, layers.Dense(1)(layers.Activation(activation)(h)))
    model.compile("sgd", "mse")
    sample = {"x": RNG.normal(size=(rows, 3)).astype("float32"), "y": RNG.normal(size=(rows, 1)).astype("float32")}
    alarms = [f for f in gradlint.check(model, sample).findings if f.severity is not Severity.INFO]
    assert [(f.code, f.severity, f.cause.layer) for f in alarms] == [("GL204", Severity.WARNING, "norm")] * (rows == 1)


@pytest.mark.parametrize("mode", ["int8", "float8"])
def test_a_quantised_model_is_checked(mode: str) -> None:
    model = keras.Sequential([keras.Input((8,), name="x"), layers.Dense(4, activation="relu"), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.quantize(mode)
    sample = {"x": RNG.normal(size=(4, 8)).astype("float32"), "y": RNG.normal(size=(4, 1)).astype("float32")}
    assert [status.key for status in gradlint.check(model, sample).inputs] == ["x"]
