"""Tapes that raise where they are asked or told, and tapes that are told to forget."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint
from tests.checking.steps.broken import data, dense_net

X, Y = data()


def line_of(step, text):
    lines, first = inspect.getsourcelines(step)
    return first + next(number for number, line in enumerate(lines) if text in line)


def only(step, net, code):
    found = [f for f in gradlint.check_step(step, net, models=[net]).findings if f.severity.value == "error"]
    assert [f.code for f in found] == [code]
    return found[0]


def update(net, gradients):
    keras.optimizers.SGD(0.1).apply_gradients(zip(gradients, net.trainable_variables, strict=True))


def test_an_operation_that_has_no_gradient_function():
    def step(net):
        with tf.GradientTape() as tape:
            prediction = net(X, training=True)
            roots = tf.linalg.logm(tf.cast(tf.matmul(prediction, prediction, transpose_a=True), tf.complex64))
            loss = tf.reduce_mean(tf.math.real(roots))
        update(net, tape.gradient(loss, net.trainable_variables))

    found = only(step, dense_net(), "GL103")
    assert (found.cause.op, found.cause.line) == ("MatrixLogarithm", line_of(step, "logm"))
    assert "raises LookupError" in found.message


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        (lambda net: net.inputs, "a symbol of a functional model"),
        (lambda net: np.ones((2, 3), "float32"), "a ndarray"),
    ],
)
def test_what_no_tape_watches(odd, words):
    def step(net):
        with tf.GradientTape() as tape:
            tape.watch(odd(net))
            loss = tf.reduce_mean(tf.square(net(X, training=True) - Y))
        update(net, tape.gradient(loss, net.trainable_variables))

    found = only(step, dense_net(), "GL607")
    assert words in found.message
    assert found.cause.line == line_of(step, "tape.watch")


def test_a_tape_that_forgets_what_it_saw():
    def step(net):
        with tf.GradientTape() as tape:
            prediction = net(X, training=True)
            tape.reset()
            loss = tf.reduce_mean(tf.square(prediction - Y))
        gradients = tape.gradient(loss, net.trainable_variables)
        update(
            net, [tf.zeros_like(v) if g is None else g for v, g in zip(net.trainable_variables, gradients, strict=True)]
        )

    found = only(step, dense_net(), "GL601")
    assert found.cause.line == line_of(step, "reset")


def test_a_tape_that_forgets_in_time():
    def step(net):
        with tf.GradientTape(persistent=True) as tape:
            for _ in range(2):
                tape.reset()
                loss = tf.reduce_mean(tf.square(net(X, training=True) - Y))
                update(net, tape.gradient(loss, net.trainable_variables))

    net = dense_net()
    assert [f for f in gradlint.check_step(step, net, models=[net]).findings if f.severity.value == "error"] == []
