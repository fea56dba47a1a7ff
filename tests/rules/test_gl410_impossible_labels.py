from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from flows import facts, flow, found, function, output, target

import gradlint
from gradlint.record.start import Start
from gradlint.rules.gl410_impossible_labels import RULE


def labelled(loss, **options):
    return flow(
        "o = Sigmoid h @out",
        "-- loss",
        "loss() = Mean o",
        inputs=["h"],
        outputs=[output("o")],
        functions=[function("o", loss)],
        values={"o": (0.0, 1.0)},
        start=Start(targets=(target(loss, **options),)),
    )


BINARY, SPARSE, ROWS = "binary_crossentropy", "sparse_categorical_crossentropy", "categorical_crossentropy"
CLASSES = {"shape": (8,)}
FIRES = {
    "minus one": (labelled(BINARY, low=-1.0), "error"),
    "two": (labelled(BINARY, high=2.0), "error"),
    "focal": (labelled("binary_focal_crossentropy", high=255.0), "error"),
    "fractions": (labelled(SPARSE, whole=0.5, **CLASSES), "error"),
    "one class too many": (labelled(SPARSE, high=4.0, **CLASSES), "error"),
    "negative": (labelled(SPARSE, low=-1.0, **CLASSES), "error"),
    "another is ignored": (labelled(SPARSE, low=-1.0, ignored=255, **CLASSES), "error"),
    "several classes": (labelled(ROWS, row_high=3.0, singles=0.2), "error"),
    "less than one": (labelled(ROWS, row_low=0.5, singles=0.2, whole=0.2), "error"),
    "counts below zero": (labelled("poisson", low=-1.5, whole=0.1), "error"),
    "advantages": (labelled(ROWS, row_low=0.5, row_high=3.0, whole=0.1), "warning"),
}
QUIET = {
    "0 and 1": labelled(BINARY),
    "smoothed": labelled(BINARY, low=0.05, high=0.95, whole=0.0),
    "classes": labelled(SPARSE, high=3.0, **CLASSES),
    "ignored": labelled(SPARSE, low=-1.0, high=3.0, ignored=-1, **CLASSES),
    "ignored above": labelled(SPARSE, high=255.0, ignored=255, **CLASSES),
    "one-hot": labelled(ROWS),
    "half precision": labelled(ROWS, row_low=0.995, row_high=1.004, singles=0.0, whole=0.0),
    "unknown number of classes": labelled(SPARSE, high=9.0, prediction=(), **CLASSES),
    "hinge": labelled("hinge", low=-1.0),
    "regression": labelled("mean_squared_error", low=-50.0, high=1e6, whole=0.0),
    "GL302 says it": labelled(BINARY, low=-1.0, nan=3),
    "class numbers under categorical": labelled(ROWS, high=3.0, shape=(8, 1), row_high=3.0),
}


@pytest.mark.parametrize(("subject", "severity"), FIRES.values(), ids=FIRES)
def test_fires(subject, severity):
    assert found(RULE, subject) == [(severity, (), (), "out Sigmoid")]


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


def test_says_what_is_expected():
    (finding,) = RULE.check(facts(labelled(BINARY, low=-1.0)))
    assert finding.message == "labels 'y' are -1 and 1, where 0 and 1 are expected by binary_crossentropy"


def model_of(units, activation, loss):
    model = keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(units, activation)])
    model.compile("adam", loss)
    return model


X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
SPARSE_LOSS = keras.losses.SparseCategoricalCrossentropy


@pytest.mark.parametrize(
    ("model", "labels", "fires"),
    [
        (model_of(1, "sigmoid", "binary_crossentropy"), np.tile([-1, 1], 4)[:, None], True),
        (model_of(1, "sigmoid", "binary_crossentropy"), np.tile([0, 1], 4)[:, None].astype("uint8"), False),
        (model_of(1, "sigmoid", "binary_crossentropy"), np.tile([False, True], 4)[:, None], False),
        (model_of(1, "linear", "hinge"), np.tile([-1, 1], 4)[:, None], False),
        (model_of(1, "sigmoid", keras.losses.BinaryCrossentropy(label_smoothing=0.1)), np.ones((8, 1)), False),
        (model_of(4, "softmax", "sparse_categorical_crossentropy"), np.linspace(0, 2.5, 8), True),
        (model_of(4, "softmax", "sparse_categorical_crossentropy"), np.arange(8) % 5, True),
        (model_of(4, "linear", SPARSE_LOSS(from_logits=True)), np.arange(400, 408), True),
        (model_of(1, "sigmoid", "sparse_categorical_crossentropy"), np.arange(8) % 3, False),
        (model_of(4, "softmax", "sparse_categorical_crossentropy"), np.arange(8.0) % 4, False),
        (model_of(4, "softmax", SPARSE_LOSS(ignore_class=-1)), np.arange(8) % 5 - 1, False),
        (model_of(4, "softmax", "categorical_crossentropy"), np.ones((8, 4)), True),
        (model_of(4, "softmax", "categorical_crossentropy"), np.eye(4)[np.arange(8) % 4], False),
        (model_of(4, "softmax", "categorical_crossentropy"), np.full((8, 4), 0.25, "float16"), False),
        (model_of(4, "sigmoid", "binary_crossentropy"), np.ones((8, 4)), False),
        (model_of(1, "exponential", "poisson"), np.arange(8.0)[:, None], False),
    ],
)
def test_of_a_live_model(model, labels, fires):
    result = gradlint.check(model, {"x": X, "y": labels}, select=["GL410"])
    assert not result.skipped
    assert bool(result.findings) is fires


def test_classes_without_a_unit_are_no_matter_of_shapes():
    """The loss fails, here behind the dump of a thousand labels."""
    model = keras.Sequential([keras.Input((32, 32, 1), name="x"), keras.layers.Conv2D(3, 1, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    labels = np.resize(np.arange(4), (2, 32, 32))
    sample = {"x": np.ones((2, 32, 32, 1), "float32"), "y": labels}
    (finding,) = gradlint.check(model, sample, select=["GL407", "GL410"]).findings
    assert (finding.code, finding.cause.layer) == ("GL410", model.layers[-1].path)


class Unit(keras.Model):
    """Says nothing of its shapes before it runs."""

    def __init__(self):
        super().__init__()
        self.logits = keras.layers.Dense(5)

    def call(self, x):
        return self.logits(x)


def own_loss(y, logits):
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(y, tf.int32), logits))


@pytest.mark.parametrize("loss", [SPARSE_LOSS(from_logits=True), own_loss], ids=["of Keras", "own"])
def test_a_mark_that_is_no_class(loss):
    model = Unit()
    model.compile("adam", loss)
    labels = np.resize(np.arange(5), 8).astype("uint8")
    labels[3] = 255
    (finding,) = gradlint.check(model, {"x": X, "y": labels}).findings
    assert (finding.code, finding.severity, finding.cause.layer) == ("GL410", "error", model.logits.path)
    assert "hold 255" in finding.message
    assert "ignore_class=255" in finding.advice


@pytest.mark.parametrize(
    ("model", "labels", "advice"),
    [
        (model_of(3, "softmax", "sparse_categorical_crossentropy"), np.resize(np.arange(1, 4), 8), "subtract 1"),
        (model_of(3, "softmax", "sparse_categorical_crossentropy"), np.resize(np.arange(4), 8), "Give a unit to each"),
        (model_of(3, "softmax", "sparse_categorical_crossentropy"), np.arange(8) / 4, "a loss of amounts, such as mse"),
        (model_of(3, "softmax", "sparse_categorical_crossentropy"), np.resize(list("abc"), 8), "return_inverse=True"),
        (model_of(1, "sigmoid", "binary_crossentropy"), np.resize([-1.0, 1.0], (8, 1)), "(y + 1) / 2"),
        (model_of(1, "sigmoid", "binary_crossentropy"), np.resize([1.0, 2.0], (8, 1)), "subtract 1"),
        (model_of(1, "sigmoid", "binary_crossentropy"), np.resize([0.0, 1.0, 2.0], (8, 1)), "take a unit each"),
        (model_of(1, "sigmoid", "binary_crossentropy"), np.resize([0.5, 9.5], (8, 1)), "Scale the labels"),
    ],
)
def test_the_advice_fits_the_labels(model, labels, advice):
    (finding,) = gradlint.check(model, {"x": X, "y": labels}, select=["GL410", "GL404"]).findings
    assert advice in finding.advice
    assert "ignore_class" not in finding.advice


def test_a_mark_that_is_no_class_in_a_step():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(5)])
    loss = SPARSE_LOSS(from_logits=True)

    def step(x, y):
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True))
        return tape.gradient(value, model.trainable_variables)

    (finding,) = gradlint.check_step(step, X, np.resize(np.arange(6), 8)).findings
    assert (finding.code, finding.evidence["label"]) == ("GL410", 5)


def test_rows_without_weight_do_not_count():
    labels = np.array([-1, 1, 0, 1, 0, 1, -1, 1])[:, None]
    model = model_of(1, "sigmoid", "binary_crossentropy")
    weight = (labels[:, 0] >= 0).astype("float32")
    assert not gradlint.check(model, {"x": X, "y": labels, "sample_weight": weight}, select=["GL410"]).findings
    assert gradlint.check(model, {"x": X, "y": labels, "sample_weight": np.ones(8)}, select=["GL410"]).findings
