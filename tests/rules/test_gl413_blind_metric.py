from __future__ import annotations

import keras
import numpy as np
import pytest
from flows import flow, found, target

import gradlint
from gradlint.record.start import Metric, Start
from gradlint.rules.gl413_blind_metric import RULE


def measured(loss, kind, threshold=None, **options):
    start = Start(targets=(target(loss, metrics=(Metric(kind, threshold),), **options),))
    return flow("o = MatMul x k", "-- loss", "loss() = Mean o", inputs=["x"], outputs=["o"], start=start)


ONE = {"shape": (8, 1), "prediction": (8, 1)}
FIRES = {
    "prices": measured("mean_squared_error", "accuracy", whole=0.1, high=50.0, **ONE),
    "sparse over one-hot": measured("categorical_crossentropy", "sparse_categorical_accuracy"),
    "categorical over classes": measured("sparse_categorical_crossentropy", "categorical_accuracy", shape=(8,)),
    "logits": measured("binary_crossentropy", "accuracy", from_logits=True, **ONE),
    "logits by class": measured("binary_crossentropy", "binary_accuracy", 0.5, from_logits=True, **ONE),
    "hinge": measured("hinge", "accuracy", low=-1.0, **ONE),
}
QUIET = {
    "mae": measured("mean_squared_error", "mean_absolute_error", whole=0.1, high=50.0, **ONE),
    "classes as numbers": measured("mean_squared_error", "accuracy", **ONE),
    "shares": measured("mean_squared_error", "binary_accuracy", whole=0.0, **ONE),
    "of the same form": measured("sparse_categorical_crossentropy", "sparse_categorical_accuracy", shape=(8,)),
    "named accuracy": measured("sparse_categorical_crossentropy", "accuracy", shape=(8,)),
    "threshold of logits": measured("binary_crossentropy", "binary_accuracy", -0.1, from_logits=True, **ONE),
    "another metric": measured("binary_crossentropy", "auc", from_logits=True, **ONE),
    "no labels": measured("binary_crossentropy", "accuracy", prediction=()),
}


@pytest.mark.parametrize("subject", FIRES.values(), ids=FIRES)
def test_fires(subject):
    assert [severity for severity, *_ in found(RULE, subject)] == ["info"]


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize(
    ("metrics", "fires"),
    [
        (["accuracy"], True),
        ([keras.metrics.BinaryAccuracy(threshold=0.0)], False),
        ([keras.metrics.BinaryAccuracy()], True),
        (["mae"], False),
        (None, False),
    ],
)
def test_of_a_live_model(metrics, fires):
    model = keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(1)])
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True), metrics=metrics)
    sample = {"x": np.ones((4, 3), "float32"), "y": np.array([[0], [1], [0], [1]])}
    result = gradlint.check(model, sample, select=["GL413"])
    assert not result.skipped
    assert bool(result.findings) is fires
