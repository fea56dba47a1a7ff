"""What a step's findings say, in the words of its own code, and what is left unsaid."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")


def told(step, *args, **options):
    return gradlint.check_step(step, *args, **options).findings


def by_method(values):
    return tf.constant(values.numpy())


def by_function(values):
    return tf.constant(np.tanh(values))


def by_number(values):
    return tf.constant([float(values[0, 0]), float(values[1, 0])])


@pytest.mark.parametrize(
    ("leave", "words"),
    [(by_method, "values.numpy()"), (by_function, "np.tanh(values)"), (by_number, "float(values[0, 0])")],
    ids=["method", "function", "number"],
)
def test_values_that_leave_are_told_as_they_are_written(leave, words):
    weights, optimizer = tf.Variable(tf.ones((3, 1))), keras.optimizers.SGD()

    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(leave(x @ weights) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, weights), weights)])

    (finding,) = [found for found in told(step, X) if found.code == "GL604"]
    assert f"by `{words}`" in finding.message
    assert finding.cause.op is None
    assert (finding.cause.file, finding.cause.line) == (__file__, leave.__code__.co_firstlineno + 1)


def test_floats_in_place_of_ids_are_of_the_wrong_dtype():
    table, optimizer = tf.Variable(tf.ones((10, 4))), keras.optimizers.SGD()

    def step(ids):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.gather(table, ids) ** 2)
        optimizer.apply_gradients([(tape.gradient(loss, table), table)])

    assert [finding.code for finding in told(step, np.ones(4, "float32"))] == ["GL404"]
    assert not told(step, np.arange(4))


def test_variables_that_no_layer_owns_are_named():
    weights, scale, optimizer = tf.Variable(tf.ones((3, 1))), tf.Variable(0.5, name="scale"), keras.optimizers.SGD()

    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(scale * tf.tanh(x @ weights))
        optimizer.apply_gradients([(tape.gradient(loss, weights), weights)])

    messages = [finding.message for finding in told(step, X, variables=[weights, scale])]
    assert any(message.startswith("'scale' cannot learn") for message in messages)


@pytest.mark.parametrize("is_measured", [True, False])
def test_gradients_beside_those_that_are_applied_may_be_measured(is_measured):
    weights, optimizer = tf.Variable(tf.ones((3, 1))), keras.optimizers.SGD()

    def step(x):
        with tf.GradientTape(persistent=True) as tape:
            part = tf.reduce_mean((x @ weights) ** 2)
            loss = part + tf.reduce_sum(tf.tanh(weights))
        optimizer.apply_gradients([(tape.gradient(loss, weights), weights)])
        norm = tf.norm(tape.gradient(part, weights))
        return (loss, norm) if is_measured else loss

    assert ("GL619" in {finding.code for finding in told(step, X)}) is not is_measured


def test_a_norm_is_no_use_of_gradients_that_nothing_gets():
    weights = tf.Variable(tf.ones((3, 1)))

    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((x @ weights) ** 2)
        return loss, tf.norm(tape.gradient(loss, weights))

    assert "GL619" in {finding.code for finding in told(step, X)}
