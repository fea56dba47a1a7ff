"""Errors that end a run: those of TensorFlow and Keras, and those of the model's own code."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from recorded import line_of, normal

import gradlint
from gradlint.errors import ModelRunError


class Calls(keras.layers.Layer):
    """Runs a function of its operand when it has values."""

    def __init__(self, function, **options):
        super().__init__(name="calls", **options)
        self.function = function

    def call(self, x):
        return self.function(x)

    def compute_output_shape(self, shape):
        return shape


def refuse(x):
    raise ValueError("unsupported size 7: the axis has rank 2 and shape (4, 3)")  # the user's own


def refuse_dtype(x):
    raise TypeError("no dtype was configured")


def refuse_in_place_of_tensorflow(x):
    try:
        return tf.matmul(x, tf.ones((7, 3)))
    except Exception as error:
        raise ValueError("the sizes do not fit") from error


def refuse_if_negative(x):
    if tf.reduce_sum(x) > -1e9:
        raise ValueError("the size is wrong")
    return x


def assert_size(x):
    assert tf.reduce_sum(x) < -1e9, "the size is wrong"
    return x


OWN = {
    "a shape": refuse,
    "a dtype": refuse_dtype,
    "in place of TensorFlow's": refuse_in_place_of_tensorflow,
    "in numpy_function": lambda x: tf.numpy_function(refuse, [x], tf.float32),
    "in py_function": lambda x: tf.py_function(refuse, [x], tf.float32),
    "in map_fn, rewritten by AutoGraph": lambda x: tf.map_fn(refuse_if_negative, x),
    "in tf.function": tf.function(refuse_if_negative),
    "an assertion": lambda x: (tf.debugging.assert_less(x, -1e9, message="the step size"), x)[1],
    "an assertion of TensorFlow 1": lambda x: (tf.compat.v1.assert_less(x, -1e9, message="the step size"), x)[1],
    "an assertion, rewritten by AutoGraph": lambda x: tf.map_fn(assert_size, x),
    "tf.Assert": lambda x: (tf.Assert(tf.reduce_all(x < -1e9), ["wrong axis"]), x)[1],
    "check_numerics": lambda x: tf.debugging.check_numerics(x / 0.0, "of a wrong size"),
    "of NumPy": lambda x: x + np.matmul(np.ones((3, 4)), np.ones((3, 4))),
}


def checked(function, depth="values"):
    model = keras.Sequential([keras.layers.Dense(3), Calls(function)])
    return gradlint.check(model, {"x": normal(4, 5)}, depth=depth)


@pytest.mark.parametrize("name", OWN)
def test_what_the_users_code_raises_is_no_finding(name):
    with pytest.raises(ModelRunError) as raised:
        checked(OWN[name])
    message = str(raised.value)
    assert "the model's own code failed in layer" in message
    assert f"{Path(__file__).name}:" in message
    assert "{{" not in message
    assert "Traceback" not in message


@pytest.mark.parametrize("name", ["a shape", "in py_function"])
def test_the_line_that_raises_is_named(name):
    with pytest.raises(ModelRunError, match=f":{line_of('# the user')}\\)") as raised:
        checked(OWN[name])
    assert str(raised.value).endswith("ValueError: unsupported size 7: the axis has rank 2 and shape (4, 3)")


@pytest.mark.parametrize("depth", ["values", "structure"])
def test_code_that_autograph_rewrote_has_its_own_line(depth):
    with pytest.raises(ModelRunError, match=Path(__file__).name):
        checked(OWN["in tf.function"], depth)


def after_an_error_of_its_own(x):
    try:
        return {}["missing"]
    except KeyError:
        return tf.matmul(x, tf.ones((7, 3)))


FRAMEWORK = {
    "TensorFlow": (lambda x: tf.matmul(x, tf.ones((7, 3))), "GL407"),
    "TensorFlow, in an except clause": (after_an_error_of_its_own, "GL407"),
    "Keras": (lambda x: keras.layers.Conv1D(3, 2)(x), "GL407"),
    "an assertion about shapes": (lambda x: (tf.debugging.assert_rank(x, 5), x)[1], "GL407"),
    "keras.ops": (lambda x: keras.ops.reshape(x, (7, -1, 11)), "GL407"),
    "dtypes": (lambda x: x + tf.cast(x, tf.float64), "GL404"),
}


@pytest.mark.parametrize("depth", ["values", "structure"])
@pytest.mark.parametrize("name", FRAMEWORK)
def test_what_tensorflow_and_keras_raise_is_a_finding(name, depth):
    function, code = FRAMEWORK[name]
    (finding,) = checked(function, depth).findings
    assert (finding.code, finding.cause.file) == (code, __file__)


def test_what_a_function_of_tensorflow_asserts_is_tensorflows():
    (finding,) = checked(lambda x: tf.image.random_crop(x, (7, 7))).findings
    assert finding.code == "GL407"


def test_tracebacks_are_as_the_user_wants_them_afterwards():
    before = keras.config.is_traceback_filtering_enabled(), tf.debugging.is_traceback_filtering_enabled()
    checked(tf.math.softplus)
    assert (keras.config.is_traceback_filtering_enabled(), tf.debugging.is_traceback_filtering_enabled()) == before


def test_an_error_about_dtypes_is_told_without_the_numbers_of_a_kernel():
    x = keras.Input((4, 4, 3), name="image", dtype="uint8")
    scaled = keras.layers.Rescaling(1 / 255, dtype="uint8")(x)
    model = keras.Model(x, keras.layers.Conv2D(2, 3, name="conv")(scaled))
    image = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype("uint8")
    findings = gradlint.check(model, {"image": image}).findings
    (finding,) = [found for found in findings if found.cause.layer == "conv"]
    assert finding.code == "GL404"
    assert "numpy=" not in finding.message
    assert len(finding.message) < 250
