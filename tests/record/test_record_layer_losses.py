"""Losses that layers add, where the user's own code makes the loss."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest
import tensorflow as tf
from keras import layers
from recorded import normal

import gradlint

SAMPLE = {"x": normal(5, 6), "y": normal(5, 1, seed=1)}


class Network(keras.Model):
    """A kernel with a regulariser, and activations with another."""

    def __init__(self):
        super().__init__(name="regularised")
        self.body = layers.Dense(4, activation="tanh", kernel_regularizer="l2", name="body")
        self.quiet = layers.ActivityRegularization(l2=0.1, name="quiet")
        self.head = layers.Dense(1, name="head")

    def call(self, x):
        return self.head(self.quiet(self.body(x)))

    def error(self, x, y):
        return tf.reduce_mean((y - self(x, training=True)) ** 2)


class Regularised(Network):
    def train_step(self, data):
        with tf.GradientTape() as tape:
            loss = self.total(*data)
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss, **self.logs()}

    def total(self, x, y):
        return self.error(x, y)

    def logs(self):
        return {}


class Logged(Regularised):
    def logs(self):
        return {"penalty": sum(self.losses)}


class Added(Regularised):
    def total(self, x, y):
        return self.error(x, y) + sum(self.losses)


class ByKeras(Regularised):
    def total(self, x, y):
        return self.compute_loss(x, y, self(x, training=True))


class OwnLoss(Network):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return tf.reduce_mean((y - y_pred) ** 2)


def checked(cls):
    model = cls()
    model(SAMPLE["x"])
    model.compile("sgd", "mse")
    return model, gradlint.check(model, SAMPLE)


@pytest.mark.parametrize(
    ("cls", "line", "words"),
    [
        (Regularised, "loss = self.total(*data)", "nobody reads"),
        (Logged, "loss = self.total(*data)", "no differentiated loss contains"),
        (OwnLoss, "def compute_loss(", "nobody reads"),
    ],
)
def test_losses_that_are_in_no_differentiated_loss_are_told(cls, line, words):
    _, result = checked(cls)
    (finding,) = result.findings
    assert (
        finding.code,
        finding.severity.value,
        [path.rpartition("regularised/")[2] for path in finding.variables],
    ) == (
        "GL618",
        "warning",
        ["body/kernel"],
    )
    assert finding.message == f"'body' and 'quiet' of 'regularised' add losses that {words}"
    assert Path(finding.cause.file).read_text().splitlines()[finding.cause.line - 1].strip().startswith(line)


@pytest.mark.parametrize("cls", [Added, ByKeras])
def test_losses_that_are_added_are_no_finding(cls):
    assert checked(cls)[1].findings == ()


def test_a_callable_has_to_add_them_as_well():
    model, _ = checked(Added)

    def loss(batch):
        return model.error(batch["x"], batch["y"])

    def total(batch):
        return loss(batch) + tf.add_n(model.losses)

    (finding,) = gradlint.check(loss, SAMPLE, models=[model]).findings
    assert finding.code == "GL618"
    assert gradlint.check(total, SAMPLE, models=[model]).findings == ()
