"""A term that is added to a loss and has no gradient is told, although the other terms reach all variables."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint
from gradlint.finding import Severity


@pytest.fixture
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(8, activation="tanh"), keras.layers.Dense(3, activation="softmax")]
    return keras.Sequential([keras.Input((4,)), *layers])


X = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
Y = np.arange(16) % 3


def _errors(p: tf.Tensor) -> tf.Tensor:
    return 1.0 - tf.reduce_mean(tf.cast(tf.equal(tf.argmax(p, axis=-1), Y), "float32"))  # errors


def _entropy(p: tf.Tensor) -> tf.Tensor:
    q = p.numpy()  # entropy
    return tf.constant(np.mean(np.sum(q * np.log(q), axis=-1)))


def _chosen(p: tf.Tensor) -> tf.Tensor:
    """A factor without gradient beside one that has it."""
    return tf.reduce_mean(tf.cast(tf.argmax(p, axis=-1), "float32") * p[:, 0])


def _detached(p: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.stop_gradient(1.0 - tf.reduce_max(p, axis=-1)))


def _of_the_labels(p: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.round(tf.cast(Y, "float32")))


def _step(model: keras.Model, term: object, before: bool) -> object:
    optimizer = keras.optimizers.SGD()

    def step(x: tf.Tensor) -> tf.Tensor:
        added = term(model(x)) if before else 0.0
        with tf.GradientTape() as tape:
            p = model(x)
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(Y, p))
            loss += 0.5 * (added if before else term(p))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    return step


def _line(mark: str) -> int:
    lines = Path(__file__).read_text().splitlines()
    return 1 + next(number for number, line in enumerate(lines) if line.endswith(f"# {mark}"))


@pytest.mark.parametrize(
    ("term", "code", "mark"), [(_errors, "GL610", "errors"), (_entropy, "GL604", "entropy")], ids=["errors", "entropy"]
)
def test_of_a_step(model: keras.Model, term: object, code: str, mark: str) -> None:
    (finding,) = gradlint.check_step(_step(model, term, before=False), X).findings
    assert (finding.code, finding.severity, finding.cause.line) == (code, Severity.WARNING, _line(mark))
    assert len(finding.variables) == 4


@pytest.mark.parametrize("term", [_chosen, _detached, _of_the_labels], ids=["factor", "detached", "labels"])
def test_what_is_meant(model: keras.Model, term: object) -> None:
    assert gradlint.check_step(_step(model, term, before=False), X).findings == ()


def test_computed_before_the_tape(model: keras.Model) -> None:
    step = _step(model, lambda p: tf.reduce_mean(tf.square(p)), before=True)
    (finding,) = gradlint.check_step(step, X).findings
    assert (finding.code, finding.severity) == ("GL601", Severity.WARNING)
    assert "a term of 'loss' is computed before the tape was opened" in finding.message


def test_of_a_compiled_loss(model: keras.Model) -> None:
    def loss(y: tf.Tensor, p: tf.Tensor) -> tf.Tensor:
        return keras.losses.sparse_categorical_crossentropy(y, p) + tf.reduce_mean(tf.round(p), axis=-1)

    model.compile("sgd", loss)
    found = [f for f in gradlint.check(model, {"x": X, "y": Y}).findings if f.severity is not Severity.INFO]
    assert [(f.code, f.cause.op, f.severity) for f in found] == [("GL103", "Round", Severity.WARNING)]
