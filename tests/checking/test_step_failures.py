"""Steps that fail, and steps on several devices: what failed is called by its name, or the check ends."""

from __future__ import annotations

import subprocess
import sys

import keras
import pytest
import tensorflow as tf

import gradlint
from tests.checking.steps.broken import data, dense_net

TWO_DEVICES = """
import tensorflow as tf
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], two)
from tests.checking.steps.public.looping import replicas
from tests.checking.test_public_steps import marked, result_of
assert result_of(replicas, bad=False).findings == ()
assert {(f.code, f.cause.line) for f in result_of(replicas, bad=True).findings} == marked(replicas)
"""


def test_a_step_on_two_devices_reduces_what_one_replica_gives():
    done = subprocess.run([sys.executable, "-c", TWO_DEVICES], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]


class Measured(keras.Model):
    """Has a metric that does not fit its labels."""

    def __init__(self):
        super().__init__()
        self.head, self.accuracy = keras.layers.Dense(2), keras.metrics.SparseCategoricalAccuracy(name="accuracy")

    def call(self, x):
        return self.head(x)

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self(x) - y))
        slopes = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(slopes, self.trainable_variables, strict=True))
        self.accuracy.update_state(y, self(x))
        return {"loss": loss}


def test_a_metric_that_fails_is_called_a_metric():
    model = Measured()
    model.compile("sgd")
    x, y = data(outputs=2)
    for result in (gradlint.check(model, (x, y)), gradlint.check_step(model.train_step, (x, y))):
        (finding,) = result.findings
        assert finding.code == "GL407"
        assert finding.message.startswith("the metric 'accuracy' fails: ")


def test_shapes_that_do_not_fit_in_a_step_are_not_those_of_its_loss():
    net = dense_net()

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.concat([net(x), y[:-1]], 1))
        tape.gradient(loss, net.trainable_variables)

    (finding,) = gradlint.check_step(step, *data()).findings
    assert finding.code == "GL407"
    assert finding.message.startswith("the step fails: ")
    assert finding.cause.line == step.__code__.co_firstlineno + 2


def test_an_error_that_prints_a_tensor_is_none_about_shapes():
    net = dense_net()

    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(net(x))
        tape.gradient(loss, net.trainable_variables)
        tf.train.Checkpoint(loss=loss)  # expects "a trackable object, got tf.Tensor(0.1, shape=(), dtype=float32)"

    with pytest.raises(gradlint.ModelRunError, match="the step's own code failed"):
        gradlint.check_step(step, data()[0])


@pytest.mark.parametrize(
    "convert",
    [
        lambda out: int(tf.argmax(out, -1)),
        lambda out: bool(out > 0.0),
        lambda out: range(tf.argmax(out, -1)),
        lambda out: [a for a, b in out[0]],
    ],
    ids=["int", "bool", "index", "iteration"],
)
def test_a_plain_value_that_a_tensor_is_not_is_an_error_of_the_steps_own(convert):
    net = dense_net()

    def step(x):
        with tf.GradientTape() as tape:
            out = net(x)
            convert(out)
            loss = tf.reduce_mean(out)
        tape.gradient(loss, net.trainable_variables)

    with pytest.raises(gradlint.ModelRunError, match=r"the step's own code failed \(.*test_step_failures.py:\d+\): "):
        gradlint.check_step(step, data()[0])


def test_an_operation_of_the_step_that_fails_is_its_own_place_and_no_layers():
    net = dense_net()

    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.reshape(net(x), [7]))
        tape.gradient(loss, net.trainable_variables)

    (finding,) = gradlint.check_step(step, data()[0]).findings
    assert (finding.code, finding.cause.layer, finding.cause.op) == ("GL407", None, "Reshape")
    assert finding.cause.line == step.__code__.co_firstlineno + 2


def test_what_the_step_would_do_after_its_crash_is_not_judged():
    """The other network is trained below: that nobody calls it, or asks for it, is not known."""
    net, other = dense_net(), dense_net(name="other")
    optimizer = keras.optimizers.SGD(0.1)

    def step(x, y):
        prediction = net(x)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((prediction - y) ** 2) + 0.0 * tf.reduce_mean(tf.stop_gradient(other(x)))
        optimizer.apply(tape.gradient(loss, net.trainable_variables), net.trainable_variables)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((other(x) - y) ** 2)
        optimizer.apply(tape.gradient(loss, other.trainable_variables), other.trainable_variables)

    result = gradlint.check_step(step, *data(), models=[net, other])
    assert [finding.code for finding in result.findings if finding.severity.value != "info"] == ["GL601"]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda net, x: net(x)["nope"],
        lambda net, x: net(x)[1.5],
        lambda net, x: keras.Sequential([keras.layers.Reshape((3,), name="reshape")]).get_layer("nope"),
        lambda net, x: tf.convert_to_tensor(net),
        lambda net, x: tf.keras.activations.get("nope")(net(x)),
    ],
    ids=["key", "fraction", "layer", "no tensor", "activation"],
)
def test_an_error_without_a_word_of_shapes_is_the_steps_own(wrong):
    net = dense_net()

    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(wrong(net, x))
        tape.gradient(loss, net.trainable_variables)

    with pytest.raises(gradlint.ModelRunError, match=r"the step's own code failed \(.*test_step_failures.py:\d+\): "):
        gradlint.check_step(step, data()[0])


def test_a_step_that_fails_before_it_asks_for_a_gradient_asks_for_none():
    net = dense_net()

    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.reshape(net(x), [7]))
        tape.gradient(loss, net.trainable_variables)

    assert gradlint.check_step(step, data()[0]).loss == "step asks for no gradient"
