"""Neutral data: zeros are blamed on the sample or on the model, whichever makes them."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

import gradlint
from gradlint import Severity
from gradlint.record.subject import random_like

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(1, 255, (8, 6, 6, 3)).astype("uint8")


def classifier(first: layers.Layer) -> keras.Model:
    keras.utils.set_random_seed(0)
    behind = [layers.Flatten(), layers.Dense(8, activation="relu", name="hidden"), layers.Dense(3)]
    model = keras.Sequential([keras.Input((6, 6, 3), dtype="uint8", name="image"), first, *behind])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def alarms(model: keras.Model, image: np.ndarray) -> list[gradlint.Finding]:
    result = gradlint.check(model, {"image": image, "y": np.arange(len(image)) % 3})
    return [finding for finding in result.findings if finding.severity is not Severity.INFO]


@pytest.mark.parametrize(
    ("first", "op"),
    [
        (layers.Rescaling(1 / 255, dtype="uint8", name="zeroing"), "Mul"),
        (layers.Lambda(lambda x: keras.ops.cast(x // 255, "float32"), name="zeroing"), "FloorDiv"),
    ],
    ids=["rescaling in integers", "division of integers"],
)
def test_a_layer_that_makes_zeros_of_all_images_is_the_cause(first: layers.Layer, op: str) -> None:
    (finding,) = alarms(classifier(first), PIXELS)
    assert (finding.code, finding.cause.op) == ("GL201", op)
    assert str(finding.cause.layer).endswith("/zeroing")
    assert finding.severity is Severity.ERROR
    assert any(path.endswith("hidden/kernel") for path in finding.variables)
    assert "float" in finding.advice
    # The repair that the advice names works.
    assert alarms(classifier(layers.Rescaling(1 / 255)), PIXELS) == []


def test_an_empty_image_is_the_cause() -> None:
    (finding,) = alarms(classifier(layers.Rescaling(1 / 255)), np.zeros_like(PIXELS))
    assert (finding.code, finding.severity, finding.inputs) == ("GL414", Severity.WARNING, ("image",))
    assert any(path.endswith("hidden/kernel") for path in finding.variables)
    assert any("filled" in text for text in finding.evidence["experiments"])


def closed(x: np.ndarray) -> gradlint.Finding:
    keras.utils.set_random_seed(0)
    downwards = keras.initializers.RandomUniform(-1.0, 0.0, seed=0)
    model = keras.Sequential([
        keras.Input((4,), name="x"),
        layers.Dense(8, activation="relu", kernel_initializer=downwards, name="closed"),
        layers.Dense(1),
    ])  # fmt: skip
    model.compile("sgd", "mse")
    result = gradlint.check(model, {"x": x, "y": RNG.normal(size=(8, 1))}, select=["GL202"])
    return next(iter(result.findings))


def test_the_advice_is_about_the_data_where_others_pass() -> None:
    far = RNG.uniform(100.0, 200.0, size=(8, 4)).astype("float32")
    assert "Centre the inputs" in closed(far).advice
    assert result_of(far - far.mean(axis=0)) == ()


def result_of(x: np.ndarray) -> tuple[gradlint.Finding, ...]:
    try:
        return (closed(x),)
    except StopIteration:
        return ()


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "float32", "bool"])
@pytest.mark.parametrize("value", [0, 1])
def test_random_data_are_of_the_same_form_and_no_constant(dtype: str, value: int) -> None:
    array = np.full((50, 2), value, dtype)
    drawn = random_like(array, np.random.default_rng(0))
    assert (drawn.shape, drawn.dtype) == (array.shape, array.dtype)
    assert len(np.unique(drawn)) > 1


def test_ids_stay_in_their_range() -> None:
    ids = RNG.integers(3, 9, (50,))
    assert set(random_like(ids, np.random.default_rng(0))) <= set(ids)
    assert set(random_like(ids.astype("float32"), np.random.default_rng(0))) <= set(ids)


def test_sides_that_a_clip_has_made_zero_are_told_where_they_are_clipped() -> None:
    keras.utils.set_random_seed(0)

    def overlap(y_true: object, y_pred: object) -> object:
        low = keras.ops.maximum(y_true[:, :2], y_pred[:, :2])
        high = keras.ops.minimum(y_true[:, 2:], y_pred[:, 2:])
        sides = keras.ops.maximum(high - low, 0.0)
        return 1.0 - sides[:, 0] * sides[:, 1]  # one side is zero everywhere, the other in part

    model = keras.Sequential([keras.Input((3,), name="x"), layers.Dense(4, activation="sigmoid", name="box")])
    model.compile("sgd", overlap)
    x = RNG.normal(size=(8, 3)).astype("float32")
    far = np.tile(np.float32([2.0, 0.1, 3.0, 0.9]), (8, 1))
    (finding,) = gradlint.check(model, {"x": x, "y": far}).findings
    assert finding.cause.op == "Maximum"


@pytest.mark.parametrize("layer", [layers.GRU, layers.LSTM, layers.SimpleRNN])
@pytest.mark.parametrize("scale", [1.0, 1e-5])
def test_pressures_in_pascal_close_all_gates(layer: type[layers.Layer], scale: float) -> None:
    """A sample of other numbers opens one gate of thousands now and then: that is no way for a gradient."""
    keras.utils.set_random_seed(0)
    draw = np.random.default_rng(0)
    pressure = (101325 + 800 * draw.normal(size=(16, 12, 2))).astype("float32")
    model = keras.Sequential([keras.Input((12, 2), name="weather"), layer(8, name="memory"), layers.Dense(1)])
    model.compile("adam", "mse")
    given = {"weather": pressure * scale, "y": draw.normal(size=(16, 1))}
    found = [finding for finding in gradlint.check(model, given).findings if finding.code == "GL203"]
    assert [(finding.severity, finding.inputs) for finding in found] == (
        [(Severity.ERROR, ("weather",))] * (scale == 1)
    )
