"""Labels that broadcast: whether the loss notices when they are handed to other rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import gradlint

if TYPE_CHECKING:
    from collections.abc import Callable

    from gradlint import Finding

ROWS = 6
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, 3)).astype("float32")
Y = np.float32([0, 1, 1, 0, 1, 0])


def focal(y: object, p: object) -> object:
    return -ops.mean(y * (1 - p) ** 2 * ops.log(p) + (1 - y) * p**2 * ops.log(1 - p), axis=-1)


def dice(y: object, p: object) -> object:
    return 1 - 2 * ops.sum(y * p) / (ops.sum(y) + ops.sum(p))


def either(y: object, p: object) -> object:
    return -ops.mean(ops.where(y > 0.5, ops.log(p), ops.log(1 - p)))


def overlap(y: object, p: object) -> object:
    return 1 - ops.sum(ops.minimum(y, p)) / ops.sum(ops.maximum(y, p))


def in_a_class(loss: Callable[..., object], y: np.ndarray) -> list[Finding]:
    class Own(keras.losses.Loss):
        def call(self, y_true: object, y_pred: object) -> object:
            return loss(y_true, y_pred)

    model = keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(1, activation="sigmoid", name="out")])
    model.compile("sgd", loss=Own())
    return list(gradlint.check(model, {"x": X, "y": y}, select=["GL405"]).findings)


def in_a_function(loss: Callable[..., object], y: np.ndarray) -> list[Finding]:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, activation="sigmoid", name="out")])
    found = gradlint.check(
        lambda sample: tf.reduce_mean(loss(sample["y"], model(sample["x"]))),
        {"x": X, "y": y},
        models=[model],
        select=["GL405"],
    )
    return list(found.findings)


def in_a_layer(loss: Callable[..., object], y: np.ndarray) -> list[Finding]:
    class End(keras.layers.Layer):
        def call(self, prediction: object, target: object) -> object:
            self.add_loss(ops.mean(loss(target, prediction)))
            return prediction

    x, target = keras.Input((3,), name="x"), keras.Input(y.shape[1:], name="target")
    prediction = keras.layers.Dense(1, activation="sigmoid", name="out")(x)
    model = keras.Model({"x": x, "target": target}, End()(prediction, target))
    model.compile("sgd")
    return list(gradlint.check(model, {"x": X, "target": y}, select=["GL405"]).findings)


@pytest.mark.parametrize("way", [in_a_class, in_a_function, in_a_layer])
@pytest.mark.parametrize("loss", [focal, dice, either, overlap])
def test_a_loss_of_all_pairs_does_not_notice(way: Callable[..., list[Finding]], loss: Callable[..., object]) -> None:
    (finding,) = way(loss, Y)
    assert finding.inputs == ("target" if way is in_a_layer else "y",)
    assert finding.evidence["result_shape"] == [ROWS, ROWS]
    assert finding.evidence["rows_matter"] is False
    assert finding.cause.file == __file__
    assert way(loss, Y[:, None]) == []


def test_a_loss_that_notices_by_another_term() -> None:
    def both(y: object, p: object) -> object:
        return ops.mean(y * ops.log(p)) + ops.mean(ops.square(y - p[:, 0]))

    (finding,) = in_a_class(both, Y)
    assert "rows_matter" not in finding.evidence


@pytest.mark.parametrize("y", [np.float32([1]), np.ones(ROWS, "float32")], ids=["one row", "equal rows"])
def test_rows_that_cannot_change_places_prove_nothing(y: np.ndarray) -> None:
    def squared(y: object, p: object) -> object:
        return ops.square(y - p)

    (finding,) = in_a_function(squared, y)
    assert "rows_matter" not in finding.evidence


@pytest.mark.parametrize(("is_flat", "codes"), [(False, ["GL405"]), (True, [])], ids=["a column of risks", "flat"])
def test_labels_that_say_in_which_order_predictions_come(is_flat: bool, codes: list[str]) -> None:
    def cox(y: tf.Tensor, risk: tf.Tensor) -> tf.Tensor:
        order = tf.argsort(y[:, 0], direction="DESCENDING")
        event = tf.gather(y[:, 1], order)
        risk = tf.gather(risk[:, 0] if is_flat else risk, order)
        return -tf.reduce_mean((risk - tf.math.log(tf.cumsum(tf.exp(risk)))) * event)

    time = RNG.permutation(ROWS).astype("float32")
    assert [finding.code for finding in in_a_class(cox, np.stack([time, Y], axis=1))] == codes
