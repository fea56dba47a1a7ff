"""Outputs that are a dict: their keys name losses and labels, as in `fit`, and the names of the layers do not."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import gradlint


def model(loss, **options):
    x = keras.Input((3,), name="x")
    outputs = {"price": keras.layers.Dense(1, name="b")(x), "area": keras.layers.Dense(1, name="a")(x)}
    result = keras.Model(x, outputs)
    result.compile("sgd", loss, **options)
    return result


SAMPLE = {name: np.random.default_rng(0).normal(size=(8, 1)).astype("float32") for name in ("y:price", "y:area")}
SAMPLE["x"] = np.random.default_rng(1).normal(size=(8, 3)).astype("float32")


@pytest.mark.parametrize("loss", ["mse", ["mse", "mae"], {"price": "mse", "area": "mae"}])
def test_the_compiled_loss_is_used(loss) -> None:
    result = gradlint.check(model(loss), SAMPLE)
    assert result.loss.startswith("compiled loss (")
    assert "area: " in result.loss
    assert result.findings == ()


def test_a_list_is_in_the_order_of_the_keys() -> None:
    """`fit` sorts the keys."""
    result = gradlint.check(model(["mae", "mse"]), SAMPLE)
    assert "area: mean_absolute_error, price: mean_squared_error" in result.loss


def test_labels_for_one_of_them() -> None:
    with pytest.raises(gradlint.SampleError, match="none for 'area'"):
        gradlint.check(model("mse"), {name: array for name, array in SAMPLE.items() if name != "y:area"})
