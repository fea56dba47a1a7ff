"""Python numbers that a step changes and that a traced function computes with, and numbers that are no matter."""

from __future__ import annotations

import inspect
import types

import keras
import pytest
import tensorflow as tf

import gradlint
from tests.checking.steps.broken import data, dense_net


def learned(model, weight, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(x, training=True) - y) ** 2) + weight * tf.reduce_mean(tf.abs(model(x)))
    gradients = tape.gradient(loss, model.trainable_variables)
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        variable.assign_sub(0.1 * gradient)


def found(step, model):
    result = gradlint.check_step(step, *data(), models=[model])
    return [(f.code, f.severity.value, f.cause.line) for f in result.findings if f.severity.value != "info"]


def line_of(function, text):
    lines, first = inspect.getsourcelines(function)
    return next(first + number for number, line in enumerate(lines) if text in line)


class Loop:
    epoch = 0

    def __init__(self):
        self.model, self.count, self.shown = dense_net(), 0, 0
        self.moved = tf.Variable(0.0, trainable=False)

    @tf.function
    def counting(self, x, y):
        self.count += 1
        learned(self.model, min(1.0, self.count / 100), x, y)  # counted

    @tf.function
    def of_an_epoch(self, x, y):
        weight = 0.5 if self.epoch > 2 else 0.1  # of the epoch
        learned(self.model, weight, x, y)

    def epochs(self, x, y):
        self.of_an_epoch(x, y)
        self.epoch += 1

    @tf.function
    def tracing(self, x, y):
        self.shown += 1
        print("traced", self.shown)
        if self.shown > 5:
            print("too often")
        self.moved.assign_add(1.0)
        learned(self.model, tf.minimum(1.0, self.moved / 100.0), x, y)

    @tf.function
    def with_a_weight(self, x, y, weight):
        learned(self.model, weight, x, y)

    def handing_over(self, x, y):
        self.count += 1
        self.with_a_weight(x, y, tf.constant(self.count / 100))

    def eagerly(self, x, y):
        self.count += 1
        learned(self.model, self.count / 100, x, y)


def test_a_counter_of_a_traced_method():
    loop = Loop()
    line = line_of(Loop.counting.python_function, "# counted")
    assert found(loop.counting, loop.model) == [("GL623", "error", line)]
    assert loop.count == 0  # as it was


def test_an_object_that_the_step_makes_itself():
    model = dense_net()

    def step(x, y):
        loop = Loop()
        loop.model = model
        loop.counting(x, y)

    line = line_of(Loop.counting.python_function, "# counted")
    assert found(step, model) == [("GL623", "error", line)]


def test_a_number_that_the_step_changes_around_its_traced_part():
    loop = Loop()
    line = line_of(Loop.of_an_epoch.python_function, "# of the epoch")
    assert found(loop.epochs, loop.model) == [("GL623", "warning", line)]
    assert "epoch" not in vars(loop)


@pytest.mark.parametrize("name", ["tracing", "handing_over", "eagerly"])
def test_numbers_that_are_shown_handed_over_or_read_anew(name):
    loop = Loop()
    assert found(getattr(loop, name), loop.model) == []


def test_functions_that_the_user_runs_eagerly():
    loop = Loop()
    tf.config.run_functions_eagerly(True)
    try:
        assert found(loop.counting, loop.model) == []
    finally:
        tf.config.run_functions_eagerly(False)


def test_cells_entries_and_objects_of_attributes():
    model, beta = dense_net(), 0.0
    state, more = {"rate": 1.0}, types.SimpleNamespace(share=1.0)

    @tf.function
    def step(x, y):
        nonlocal beta
        if beta > 0.5:
            weight = 1.0
        else:
            weight = state["rate"] * more.share
        learned(model, weight, x, y)
        beta = beta + 0.01
        state["rate"] *= 0.9
        more.share -= 0.1

    result = gradlint.check_step(step, *data(), models=[model])
    texts = sorted(f.message.split("`")[1] for f in result.findings if f.code == "GL623")
    assert texts == ["beta", "more.share", "state['rate']"]
    assert (beta, state, more.share) == (0.0, {"rate": 1.0}, 1.0)


def test_a_layer_that_counts_its_calls():
    class Warm(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense, self.calls = keras.layers.Dense(1), 0

        def call(self, x):
            self.calls += 1
            return self.dense(x) * min(1.0, self.calls / 10)

    model = keras.Sequential([keras.Input((4,)), Warm()])

    @tf.function
    def step(x, y):
        learned(model, 0.1, x, y)

    assert [code for code, _, _ in found(step, model)] == ["GL623"]
