"""A head that the model's own loss forgets: the line that leaves its prediction behind, as the user wrote it."""

from __future__ import annotations

import inspect
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import gradlint

RNG = np.random.default_rng(0)
SAMPLE = {"x": RNG.normal(size=(8, 3)).astype("float32")} | {
    f"y:{name}": RNG.normal(size=(8, 1)).astype("float32") for name in ("near", "far")
}


class Heads(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.trunk = layers.Dense(4, activation="tanh", name="trunk")
        self.near, self.far = layers.Dense(1, name="near"), layers.Dense(1, name="far")

    def call(self, x):
        h = self.trunk(x)
        return {"near": self.near(h), "far": self.far(h)}

    def error(self, labels, predictions, name):
        return tf.reduce_mean(tf.square(labels[name] - predictions[name]))

    def apply(self, tape, loss):
        slopes = zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables, strict=True)
        self.optimizer.apply_gradients([pair for pair in slopes if pair[0] is not None])
        return {"loss": loss}


class ReadInVain(Heads):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        near = self.error(y, y_pred, "near")
        self.last = self.error(y, y_pred, "far")  # <-
        return near


class NotRead(Heads):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        if y is None:
            return tf.constant(0.0)
        return 2.0 * self.error(y, y_pred, "near")  # <-


class ReadInVainByStep(Heads):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            predictions = self(x, training=True)
            loss = self.error(y, predictions, "near")
            self.error(y, predictions, "far")  # <-
        return self.apply(tape, loss)


class NotReadByStep(Heads):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            predictions = self(x, training=True)  # <-
            loss = self.error(y, predictions, "near")
        return self.apply(tape, loss)


@pytest.mark.parametrize("kind", [ReadInVain, NotRead, ReadInVainByStep, NotReadByStep])
def test_the_line_is_one_of_the_method(kind: type[Heads]) -> None:
    lines, first = inspect.getsourcelines(kind)
    (offset,) = [number for number, line in enumerate(lines) if line.endswith("# <-\n")]
    model = kind(name="net")
    model(SAMPLE["x"])
    model.compile("adam")
    found = [f for f in gradlint.check(model, SAMPLE).findings if f.code in ("GL102", "GL106")]
    assert [(f.cause.layer, Path(f.cause.file or "").name, f.cause.line) for f in found] == [
        ("net/far", Path(__file__).name, first + offset)
    ]
