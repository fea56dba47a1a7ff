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


def step_of(model, variables, take=lambda pairs: pairs):
    optimizer = keras.optimizers.SGD()

    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(x, training=True) ** 2)
        gradients = tape.gradient(loss, variables)
        optimizer.apply_gradients(take(zip(gradients, variables, strict=True)))

    return step


def test_moving_statistics_are_no_matter_of_the_loss():
    model = keras.Sequential([keras.Input((3,)), keras.layers.BatchNormalization(), keras.layers.Dense(1)])
    (finding,) = told(step_of(model, model.weights), X, select=["GL1"])
    assert (finding.code, finding.severity.value, len(finding.variables)) == ("GL102", "warning", 2)
    assert finding.message == "2 of the 6 variables that this call asks for are not trainable, and get no gradient"
    assert finding.advice.startswith("Ask for trainable_variables")
    failing = step_of(model, model.weights, lambda pairs: [(gradient * 2.0, v) for gradient, v in pairs])
    assert [(found.code, found.severity.value) for found in told(failing, X, select=["GL1"])] == [("GL102", "error")]


def test_a_call_that_asks_for_one_layer_leaves_the_others_out_once():
    model = keras.Sequential([keras.Input((3,)), *(keras.layers.Dense(3) for _ in range(4))])
    (finding,) = told(step_of(model, model.layers[-1].trainable_variables), X, select=["GL1"])
    assert finding.code == "GL102"
    assert len(finding.variables) == 6
    assert all(layer.path in finding.message for layer in model.layers[:-1])


def test_the_worst_findings_of_a_step_come_first():
    model, other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3)]), keras.layers.Dense(3)
    other.build((None, 3))

    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(x, training=True) ** 2)
        return tape.gradient(loss, other.trainable_variables)

    found = told(step, X, select=["GL1"])
    assert [finding.severity.value for finding in found] == ["error", "warning"]
