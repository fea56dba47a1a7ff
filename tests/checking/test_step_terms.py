"""Terms that a step leaves out of what it differentiates, and networks that it should not train."""

# ruff: noqa: F841 - as users write their steps

from __future__ import annotations

import keras
import pytest
import tensorflow as tf

import gradlint
from tests.checking.steps.broken import data, dense_net


def found(step, *models):
    """Code and offset of the line in the step of everything that is more than a remark."""
    first = step.__code__.co_firstlineno
    result = gradlint.check_step(step, *data(), models=list(models))
    return [(f.code, f.cause.line - first) for f in result.findings if f.severity.value != "info"]


def size(model):
    return 1e-3 * tf.add_n([tf.nn.l2_loss(weight) for weight in model.trainable_variables])


def test_a_penalty_that_nothing_reads():
    model, optimizer = dense_net(), keras.optimizers.SGD(0.1)

    def step(x, y):
        with tf.GradientTape() as tape:
            prediction = model(x)
            penalty = size(model)
            loss = tf.reduce_mean((prediction - y) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    assert found(step, model) == [("GL627", 3)]


def test_a_penalty_that_is_added_to_a_loss_which_has_been_differentiated():
    model, optimizer = dense_net(), keras.optimizers.SGD(0.1)

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(x) - y) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        loss += size(model)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    assert found(step, model) == [("GL627", 4)]


@pytest.mark.parametrize("is_shown", [False, True])
def test_terms_that_are_read_or_only_shown(is_shown):
    model, other, optimizer = dense_net(), dense_net(name="other"), keras.optimizers.SGD(0.1)

    def step(x, y):
        with tf.GradientTape(persistent=True) as tape:
            prediction = model(x)
            error = tf.reduce_mean(tf.abs(prediction - y))
            penalty = size(model)
            loss = tf.reduce_mean((prediction - y) ** 2) + (0.0 if is_shown else penalty)
            second = tf.reduce_mean((other(x) - y) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        keras.optimizers.SGD(0.1).apply(tape.gradient(second, other.trainable_variables), other.trainable_variables)
        loss = loss + second
        return {"loss": loss, "penalty": penalty}

    assert found(step, model, other) == []


@pytest.mark.parametrize("name", ["teacher", "second"])
def test_a_teacher_that_learns_with_its_student(name):
    student, teacher, optimizer = dense_net(name="student"), dense_net(name=name), keras.optimizers.SGD(0.1)

    def step(x, y):
        del y
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((student(x) - teacher(x)) ** 2)
        variables = student.trainable_variables + teacher.trainable_variables
        gradients = tape.gradient(loss, variables)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))

    assert found(step, student) == ([("GL626", 6)] if name == "teacher" else [])
    assert found(step, student, teacher) == []  # They are meant to teach each other.
