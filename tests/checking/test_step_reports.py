"""What a report on a training step says and draws: what the tapes gave, the lines within, and the forward pass."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint

X, Y = np.random.default_rng(0).normal(size=(8, 3)).astype("float32"), np.ones((8, 1), "float32")


@pytest.fixture
def model():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "tanh"), keras.layers.Dense(1)])


def in_python(labels, outputs):
    return np.mean((labels - outputs) ** 2)


def line_of(function, text):
    lines, first = inspect.getsourcelines(function)
    return first + next(number for number, line in enumerate(lines) if text in line)


def test_what_no_tape_gave_is_absent(model) -> None:
    def late(images, labels):
        outputs = model(images)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((labels - outputs) ** 2)
        return tape.gradient(loss, model.trainable_variables)

    result = gradlint.check_step(late, X, Y)
    assert [finding.code for finding in result.findings] == ["GL601"]
    assert {variable.gradient.value for variable in result.variables} == {"absent"}
    assert "4 trainable variables: all absent" in str(result)
    assert "4 variables get no gradient" in str(result)
    assert "sample    images, labels; 1 tape" in str(result)


def test_values_that_leave_tensorflow_do_so_in_the_innermost_line(model) -> None:
    def step(images, labels):
        with tf.GradientTape() as tape:
            outputs = model(images)
            loss = in_python(labels, outputs) + 0.0 * tf.reduce_mean(images)
        return tape.gradient(loss, model.trainable_variables)

    (finding,) = gradlint.check_step(step, X, Y, select=["GL604"]).findings
    assert finding.cause.line == line_of(in_python, "np.mean")


@pytest.mark.parametrize("penalty", [False, True])
def test_the_picture_is_of_the_forward_pass(model, penalty: bool) -> None:
    optimizer = keras.optimizers.Adam()

    def step(images, labels):
        with tf.GradientTape() as tape:
            with tf.GradientTape() as inner:
                inner.watch(images)
                outputs = model(images)
            loss = tf.reduce_mean((labels - outputs) ** 2)
            if penalty:
                loss += tf.reduce_mean(inner.gradient(outputs, images) ** 2)
        slopes = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(slopes, model.trainable_variables, strict=True))

    result = gradlint.check_step(step, tf.constant(X), Y)
    assert result.ok
    types = [data.get("type") for _, data in result.graph.nodes(data=True)]
    assert ("InnerGradient" in types) is penalty, types
    assert not any("Assign" in str(each) for each in types)
    assert ("loss", 0) in result.graph


def test_one_thing_stands_for_a_list_of_it(model) -> None:
    optimizer = keras.optimizers.SGD()

    def step(images, labels):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((labels - model(images)) ** 2)
        slopes = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(slopes, model.trainable_variables, strict=True))

    result = gradlint.check_step(step, X, Y, models=model, optimizers=optimizer, select="GL103,GL6", ignore="GL601")
    assert result.ok
    assert "GL103" in result.rules
    assert not {"GL201", "GL601"} & set(result.rules)
    with gradlint.watch(model, optimizers=optimizer, variables=model.variables[0], select="GL103") as watched:
        step(X, Y)
    assert watched.result.rules == ("GL103",)
    assert gradlint.GradientCheck(select="GL103")
    with pytest.raises(gradlint.GradlintError, match="models must hold models or layers, and holds 'model'"):
        gradlint.check_step(step, X, Y, models="model")


def test_a_layer_is_no_model() -> None:
    with pytest.raises(gradlint.GradlintError, match="'head' is a layer; give a model that holds it"):
        gradlint.check(keras.layers.Dense(3, name="head"), (X, Y))
