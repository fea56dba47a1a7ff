"""A gradient came, and the variable is the same after the step: each reason, and steps that only look so."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint
from tests.checking.steps.broken import data


def net(dtype="float32", name="net"):
    dense = keras.layers.Dense(6, "tanh", dtype=dtype), keras.layers.Dense(1, dtype=dtype)
    return keras.Sequential([keras.Input((4,)), *dense], name=name)


def gradients_of(model, x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(tf.cast(model(x), "float32") - y))
    return tape.gradient(loss, model.trainable_variables)


def found(step, model):
    """Code, offset of the line in the step, and message of everything that is more than a remark."""
    first = step.__code__.co_firstlineno
    result = gradlint.check_step(step, *data(), models=[model])
    return [(f.code, f.cause.line - first, f.message) for f in result.findings if f.severity.value != "info"]


def test_an_update_that_rounds_away():
    model, optimizer = net("float16"), keras.optimizers.SGD(1e-6)

    def step(x, y):
        optimizer.apply_gradients(zip(gradients_of(model, x, y), model.trainable_variables, strict=True))

    ((code, line, message),) = found(step, model)
    assert (code, line) == ("GL622", 1)
    assert "rounds away in float16" in message


def test_a_later_line_that_restores_the_values():
    model, optimizer = net(), keras.optimizers.SGD(0.1)

    def step(x, y):
        before = model.get_weights()
        optimizer.apply_gradients(zip(gradients_of(model, x, y), model.trainable_variables, strict=True))
        model.set_weights(before)

    assert [(code, line) for code, line, _ in found(step, model)] == [("GL622", 3)]


def test_zeros_in_place_of_gradients_are_one_finding_however_often_the_loop_comes_by():
    model, optimizer = net(), keras.optimizers.SGD(0.1)

    def step(x, y):
        for _ in range(3):
            slopes = [tf.clip_by_norm(slope, 0.0) for slope in gradients_of(model, x, y)]
            optimizer.apply_gradients(zip(slopes, model.trainable_variables, strict=True))

    ((code, line, message),) = found(step, model)
    assert (code, line) == ("GL622", 3)
    assert message.endswith("and SGD got zeros")


def test_an_optimizer_that_was_built_for_other_variables():
    model, other, optimizer = net(), net(name="other"), keras.optimizers.Adam(0.1)
    optimizer.build(other.trainable_variables)

    def step(x, y):
        optimizer.apply_gradients(zip(gradients_of(model, x, y), model.trainable_variables, strict=True))

    ((code, line, message),) = found(step, model)
    assert (code, line) == ("GL605", 1)
    assert message.startswith("Adam was built for other variables, and refuses 'net/")

    def applied(x, y):
        optimizer.apply(gradients_of(model, x, y))

    assert [(code, line) for code, line, _ in found(applied, model)] == [("GL605", 1)]


ACCUMULATING = keras.optimizers.Adam(0.1, gradient_accumulation_steps=4)
SCHEDULED = keras.optimizers.SGD(keras.optimizers.schedules.PolynomialDecay(0.0, 10, 0.1))


@pytest.mark.parametrize("optimizer", [ACCUMULATING, SCHEDULED], ids=["accumulating", "warming up"])
def test_weights_that_rest_on_purpose(optimizer):
    model = net()

    def step(x, y):
        optimizer.apply_gradients(zip(gradients_of(model, x, y), model.trainable_variables, strict=True))

    assert found(step, model) == []


def test_a_second_derivative_is_asked_for_inside_of_its_tape():
    """GL612 speaks only of what nothing differentiates again."""
    model = net()

    def step(x, y):
        x = tf.constant(x)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            slope = tape.gradient(model(x), x)  # wanted
        return tape.gradient(slope, x), np.sum(y)

    assert found(step, model) == []


@pytest.mark.parametrize("is_early", [True, False])
def test_weights_of_a_client_that_are_read_before_it_has_learnt(is_early):
    server, client, optimizer = net(name="server"), net(name="client"), keras.optimizers.SGD(0.1)

    def step(x, y):
        client.set_weights(server.get_weights())
        weights = client.get_weights()
        optimizer.apply_gradients(zip(gradients_of(client, x, y), client.trainable_variables, strict=True))
        if not is_early:
            weights = client.get_weights()
        server.set_weights([0.5 * weight + 0.5 * weight for weight in weights])

    assert [(code, line) for code, line, _ in found(step, server)] == ([("GL622", 6)] if is_early else [])
