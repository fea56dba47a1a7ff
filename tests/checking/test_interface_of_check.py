"""`gradlint.check()` called as people call it."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import gradlint

X, Y = np.linspace(-1, 1, 24).reshape(8, 3).astype("float32"), np.linspace(0, 1, 8).reshape(8, 1).astype("float32")


@pytest.fixture(scope="module")
def model():
    made = keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(1)])
    made.compile("sgd", "mse")
    return made


def test_x_and_y_may_stand_apart_as_for_fit(model) -> None:
    """It ended with Python's own TypeError about positional arguments."""
    assert gradlint.check(model, X, Y).to_json() == gradlint.check(model, (X, Y)).to_json()
    assert gradlint.check(model, X, Y, np.ones(8)).sample.endswith("labels y, sample weights")
    gradlint.assert_gradients_flow(model, X, Y)


def test_what_is_no_limits_is_told(model) -> None:
    with pytest.raises(gradlint.UsageError, match=r"limits must be gradlint\.Limits"):
        gradlint.check(model, X, Y, limits=3)


def test_a_model_is_no_step(model) -> None:
    with pytest.raises(gradlint.UsageError, match=r"step is the model .* give it to check\(\)"):
        gradlint.check_step(model, X, Y)
    with pytest.raises(gradlint.UsageError, match="paths must be a list of text"):
        gradlint.check_source(model)


def _in_a_graph(call):
    with tf.Graph().as_default():
        call()


@pytest.mark.parametrize(
    "inside",
    [tf.function, _in_a_graph, lambda call: tf.data.Dataset.range(1).map(lambda i: (call(), i)[1])],
    ids=["tf.function", "tf.Graph", "map"],
)
def test_where_a_graph_is_built_it_says_so(model, inside) -> None:
    """It ended with TypeError: float() argument must be ... not 'SymbolicTensor'."""
    said = []

    def call():
        with pytest.raises(gradlint.UsageError) as caught:
            gradlint.check(model, X, Y)
        said.append(str(caught.value))
        return tf.constant(0)

    ran = inside(call)
    if callable(ran):
        ran()
    assert said[0].startswith("gradlint was called where TensorFlow builds a graph: in a tf.function")


def test_labels_are_given_once(model) -> None:
    for more in (lambda: gradlint.check(model, (X, Y), Y), lambda: gradlint.check(model, (X, Y), y=Y.copy())):
        with pytest.raises(gradlint.UsageError, match="the labels are given twice, in the sample and behind it"):
            more()


def test_a_model_of_two_inputs_may_take_them_in_a_tuple() -> None:
    a, b = keras.Input((3,), name="a"), keras.Input((1,), name="b")
    two = keras.Model([a, b], keras.layers.Dense(1)(keras.layers.Concatenate()([a, b])))
    two.compile("sgd", "mse")
    assert gradlint.check(two, (X, Y), Y).ok


def build(units=1):
    return keras.Sequential([keras.layers.Dense(units)])


@pytest.mark.parametrize("make", [build, lambda: build()])
def test_what_makes_a_model_is_to_be_called(make) -> None:
    with pytest.raises(gradlint.UsageError, match=r"if it makes the model, call it: check\(.+\(\), \.\.\.\)"):
        gradlint.check(make, X, Y)
