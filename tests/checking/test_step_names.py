"""What a step makes of a variable for a Python name that nobody reads, and steps that only look so."""

from __future__ import annotations

import keras
import pytest
import tensorflow as tf

import gradlint
from tests.checking.steps.broken import data, dense_net


def found(step, model):
    """Code, number of variables and offset of the line in the step of everything that is more than a remark."""
    first = step.__code__.co_firstlineno
    result = gradlint.check_step(step, *data(), models=[model])
    return [(f.code, len(f.variables), f.cause.line - first) for f in result.findings if f.severity.value != "info"]


def trained(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(x, training=True) - y) ** 2)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    return gradients


def test_a_moving_average_that_binds_the_name_of_the_loop():
    model, optimizer = dense_net(), keras.optimizers.SGD(0.1)
    averages = [tf.Variable(weight) for weight in model.weights]

    def step(x, y):
        trained(model, optimizer, x, y)
        for e, w in zip(averages, model.weights, strict=True):
            e = 0.9 * e + 0.1 * w

    assert found(step, model) == [("GL606", 4, 3)]


def test_a_target_network_that_a_function_leaves_as_it_is():
    model, target, optimizer = dense_net(), dense_net(name="target"), keras.optimizers.SGD(0.1)

    def follow():
        for of_target, weight in zip(target.weights, model.weights, strict=True):
            of_target = 0.9 * of_target + 0.1 * weight

    def step(x, y):
        trained(model, optimizer, x, y + target(x))
        follow()

    assert [(code, number) for code, number, _ in found(step, model)] == [("GL606", 4)]


@pytest.mark.parametrize("augmented", [False, True])
def test_an_update_by_hand_that_binds_the_name_of_the_loop(augmented):
    model = dense_net()

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(x, training=True) - y) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        if augmented:
            for w, g in zip(model.trainable_variables, gradients, strict=True):
                w -= 0.1 * g
        else:
            for w, g in zip(model.trainable_variables, gradients, strict=True):
                w = w - 0.1 * g

    assert found(step, model) == [("GL606", 4, 6 if augmented else 9)]


def test_gradients_that_a_name_alone_adds_up():
    model, optimizer = dense_net(), keras.optimizers.SGD(0.1)
    sums = [tf.Variable(tf.zeros_like(weight)) for weight in model.trainable_variables]

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(x, training=True) - y) ** 2)
        for a, g in zip(sums, tape.gradient(loss, model.trainable_variables), strict=True):
            a = a + g / 2.0
        optimizer.apply_gradients(zip(sums, model.trainable_variables, strict=True))

    assert ("GL606", 4, 4) in found(step, model)


def test_gradients_that_are_clipped_for_a_name_alone():
    model, optimizer = dense_net(), keras.optimizers.SGD(0.1)

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(x, training=True) - y) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        for g in gradients:
            g = tf.clip_by_norm(g, 1.0)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    assert found(step, model) == [("GL619", 4, 5)]


def test_names_whose_values_go_somewhere():
    model, optimizer = dense_net(), keras.optimizers.SGD(0.1)
    averages = [tf.Variable(weight) for weight in model.weights]

    def step(x, y):
        clipped = []
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(x, training=True) - y) ** 2)
        for g in tape.gradient(loss, model.trainable_variables):
            g = tf.clip_by_norm(g, 1.0)
            clipped.append(g)
        optimizer.apply_gradients(zip(clipped, model.trainable_variables, strict=True))
        drift = 0.0
        for e, w in zip(averages, model.weights, strict=True):
            new = 0.9 * e + 0.1 * w
            w = w - e
            drift += tf.reduce_sum(w * w)
            e.assign(new)
        return loss, drift

    assert found(step, model) == []


def test_a_policy_of_before_is_a_constant_for_the_tape():
    """The ratio of a first update is one, and has a gradient all the same."""
    policy, optimizer = dense_net(), keras.optimizers.SGD(0.1)

    def step(x, y):
        before = -0.5 * (policy(x) - y) ** 2
        with tf.GradientTape() as tape:
            ratio = tf.exp(-0.5 * (policy(x) - y) ** 2 - before)
            loss = -tf.reduce_mean(tf.minimum(ratio * y, tf.clip_by_value(ratio, 0.8, 1.2) * y))
        gradients = tape.gradient(loss, policy.trainable_variables)
        optimizer.apply_gradients(zip(gradients, policy.trainable_variables, strict=True))

    assert found(step, policy) == []
