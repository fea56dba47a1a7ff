"""Checks beside a strategy of two devices; TensorFlow must be told of them before it starts."""

from __future__ import annotations

import subprocess
import sys

import keras
import pytest
import tensorflow as tf

import gradlint
from tests.checking.steps.broken import data, dense_net

CODE = """
import tensorflow as tf
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], two)
import keras, numpy as np, gradlint
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    layers = keras.layers.Dense(4), keras.layers.Lambda(tf.round), keras.layers.Dense(1)
    model = keras.Sequential([keras.Input((3,)), *layers])
    model.compile("sgd", "mse")
    try:
        gradlint.check(model, (np.ones((4, 3)), np.ones((4, 1))))
    except gradlint.UsageError as error:
        print("inside:", error)
print("after:", [finding.code for finding in gradlint.check(model, (np.ones((4, 3)), np.ones((4, 1)))).failures])
"""


def test_inside_of_the_scope_it_says_so_and_after_it_the_model_is_checked() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=120)
    assert "inside: check() was called inside strategy.scope(), where every variable has 2 values" in done.stdout
    assert "after: ['GL103'" in done.stdout, done.stderr[-2000:]


STRATEGY = tf.distribute.MirroredStrategy(["CPU:0"])


def made():
    with STRATEGY.scope():
        return dense_net(), keras.optimizers.SGD(0.1)


@pytest.mark.parametrize("is_traced", [False, True])
def test_a_tape_around_what_runs_in_a_thread_for_each_replica(is_traced):
    model, optimizer = made()

    def step(x, y):
        with tf.GradientTape() as tape:
            each = STRATEGY.run(lambda: tf.reduce_mean((model(x) - y) ** 2))
            loss = STRATEGY.reduce("MEAN", each, axis=None)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    line = step.__code__.co_firstlineno + 2
    (finding,) = gradlint.check_step(tf.function(step) if is_traced else step, *data(), models=[model]).findings
    assert (finding.code, finding.cause.line, len(finding.variables)) == ("GL602", line, 4)
    assert "by strategy.run, in a thread for each replica" in finding.message


def test_a_tape_inside_of_the_function_of_each_replica():
    model, optimizer = made()

    def of_replica(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(x) - y) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    def step(x, y):
        return STRATEGY.reduce("SUM", STRATEGY.run(of_replica, args=(x, y)), axis=None)

    assert gradlint.check_step(step, *data(), models=[model]).findings == ()
