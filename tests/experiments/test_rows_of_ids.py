"""Floats that become whole numbers: whether the loss notices which row has which."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
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


@pytest.mark.parametrize(
    ("divisor", "also_read", "is_lost"), [(100, False, True), (10, False, False), (100, True, False)]
)
def test_whole_numbers_that_a_division_makes_equal(divisor: int, also_read: bool, is_lost: bool) -> None:
    keras.utils.set_random_seed(0)
    t, x = keras.Input((), dtype="int32", name="t"), keras.Input((3,), name="x")
    time = layers.Lambda(lambda t: tf.cast(t // divisor, tf.float32)[:, None] + 1.0, output_shape=(1,), name="time")(t)
    parts = [layers.Dense(4)(time), x, *([layers.Embedding(100, 2)(t)] if also_read else [])]
    model = keras.Model([t, x], layers.Dense(1)(layers.Concatenate()(parts)))
    model.compile("sgd", "mse")
    rng = np.random.default_rng(0)
    sample = {
        "t": rng.integers(0, 100, 8).astype("int32"),
        "x": rng.normal(size=(8, 3)).astype("float32"),
        "y": rng.normal(size=(8, 1)).astype("float32"),
    }
    found = gradlint.check(model, sample, select=["GL101"]).findings
    assert [(f.severity.value, f.inputs, f.cause.layer, f.cause.op) for f in found] == [
        ("warning", ("t",), "time", "FloorDiv")
    ] * is_lost
