"""Variables that layers read and nobody lists, and networks that are read and not meant to learn."""

from __future__ import annotations

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint

X = {"x": np.random.default_rng(0).normal(size=(8, 3)).astype("float32")}


def network(inputs, outputs):
    return keras.Sequential(
        [keras.Input((inputs,)), keras.layers.Dense(8, activation="tanh"), keras.layers.Dense(outputs)]
    )


class Hidden(keras.layers.Layer):
    """Keeps a layer where Keras does not look."""

    def __init__(self):
        super().__init__()
        self.parts = SimpleNamespace(inner=keras.layers.Dense(3))

    def call(self, x):
        return self.parts.inner(x)


def strays(subject, **options):
    return [v for f in gradlint.check(subject, X, select=["GL109"], **options).findings for v in f.variables]


def actor_and_critic():
    actor, critic = network(3, 1), network(4, 1)
    return actor, lambda s: -tf.reduce_mean(critic(tf.concat([s["x"], actor(s["x"])], 1)))


def target_network():
    value, target = network(3, 1), network(3, 1)
    return value, lambda s: tf.reduce_mean((value(s["x"]) - 1.0 - 0.9 * tf.stop_gradient(target(s["x"]))) ** 2)


def perceptual_loss():
    generator, features = network(3, 3), network(3, 5)
    return generator, lambda s: tf.reduce_mean((features(generator(s["x"])) - features(s["x"])) ** 2)


@pytest.mark.parametrize("made", [actor_and_critic, target_network, perceptual_loss])
def test_a_network_that_a_loss_reads_is_none(made):
    learner, loss = made()
    assert strays(loss, models=[learner]) == []


def test_a_layer_hidden_in_what_should_learn_is_one():
    learner = keras.Sequential([keras.Input((3,)), Hidden(), keras.layers.Dense(1)])
    assert len(strays(lambda s: tf.reduce_mean(learner(s["x"]) ** 2), models=[learner])) == 2


class Distilled(keras.Model):
    """Learns from a network beside it; `trains_it` also asks for the gradient of that one."""

    def __init__(self, other, trains_it):
        super().__init__()
        self.student, self.around, self.trains_it = network(3, 2), SimpleNamespace(other=other), trains_it

    def call(self, x):
        return self.student(x)

    def train_step(self, data):
        other = self.around.other
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self.student(data) - other(data)) ** 2)
        learning = [*self.student.trainable_variables, *(other.trainable_variables if self.trains_it else [])]
        self.optimizer.apply_gradients(
            list(zip(tape.gradient(loss, learning), learning, strict=True))[: len(self.student.trainable_variables)]
        )
        return {"loss": loss}


@pytest.mark.parametrize(("trains_it", "codes"), [(False, []), (True, ["GL619"])])
def test_a_teacher_beside_the_model_is_none_and_its_gradients_go_nowhere(trains_it, codes):
    model = Distilled(network(3, 2), trains_it)
    model.compile("sgd")
    assert strays(model) == []
    assert [finding.code for finding in gradlint.check(model, X).findings] == codes


class Weighed(keras.Model):
    """Weighs its loss with variables that Keras does not list: one that nobody sets, or one that follows a schedule."""

    def __init__(self, is_scheduled):
        super().__init__()
        self.student, self.is_scheduled = network(3, 2), is_scheduled
        self.log_scale, self.annealed = tf.Variable(0.0), tf.Variable(0.5)

    def call(self, x):
        return self.student(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        error = tf.reduce_mean((y - y_pred) ** 2)
        return self.annealed * error if self.is_scheduled else tf.exp(-self.log_scale) * error + self.log_scale

    def on_epoch_end(self):
        self.annealed.assign(0.9 * self.annealed)


@pytest.mark.parametrize(("is_scheduled", "number"), [(False, 1), (True, 0)])
def test_a_variable_of_the_model_that_only_its_loss_reads(is_scheduled, number):
    model = Weighed(is_scheduled)
    model(X["x"])
    model.compile("sgd")
    result = gradlint.check(model, {**X, "y": np.ones((8, 2), "float32")}, select=["GL109"])
    assert [len(finding.variables) for finding in result.findings] == [1] * number
    assert all(finding.cause.line is not None for finding in result.findings)
