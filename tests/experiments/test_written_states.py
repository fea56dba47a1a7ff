"""Rows that know of each other by what the model writes to its state, in inference, too, and by nothing else."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import gradlint
from gradlint import Severity

RNG = np.random.default_rng(0)
SAMPLE = {"x": RNG.normal(size=(8, 4)).astype("float32"), "y": RNG.normal(size=(8, 1)).astype("float32")}


class Centre(layers.Layer):
    def build(self, shape):
        self.mean = self.add_weight(shape=shape[-1:], initializer="zeros", trainable=False, name="mean")


class Memory(Centre):
    def call(self, x):
        mean = 0.9 * self.mean + 0.1 * tf.reduce_mean(x, axis=0)
        self.mean.assign(tf.stop_gradient(mean))
        return x - mean


class ReadBack(Centre):
    def call(self, x):
        self.mean.assign(0.9 * self.mean + 0.1 * tf.reduce_mean(x, axis=0))
        return x - self.mean


class PastTheState(Centre):
    """The home-made normalization that takes the mean of the batch, and keeps the running one for nobody."""

    def call(self, x):
        mean = tf.reduce_mean(x, axis=0)
        self.mean.assign(0.9 * self.mean + 0.1 * mean)
        return x - mean


class BesideTheState(Centre):
    """What is written does not come from the inputs, and the leak not from it."""

    def call(self, x):
        self.mean.assign(0.9 * self.mean + 0.1)
        return x - tf.reduce_mean(x, axis=0)


class InTraining(Centre):
    def call(self, x, training=False):
        if not training:
            return x - self.mean
        mean = tf.reduce_mean(x, axis=0)
        self.mean.assign(0.9 * self.mean + 0.1 * mean)
        return x - mean


@pytest.mark.parametrize(
    ("kind", "severities"),
    [
        (Memory, [Severity.WARNING]),
        (ReadBack, [Severity.WARNING]),
        (PastTheState, [Severity.ERROR]),
        (BesideTheState, [Severity.ERROR]),
        (InTraining, []),
    ],
)
def test_a_leak_through_what_is_written_is_a_warning(kind, severities):
    x = keras.Input((4,), name="x")
    model = keras.Model(x, layers.Dense(1)(kind(name="centre")(x)))
    model.compile("adam", "mse")
    found = [finding for finding in gradlint.check(model, SAMPLE).findings if finding.code == "GL501"]
    assert [finding.severity for finding in found] == severities
    assert all(("state" in f.message, "training" in f.advice) == (f.severity is Severity.WARNING,) * 2 for f in found)
