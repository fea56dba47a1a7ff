"""Gradients that somebody wrote down, and gradients inside of the model."""

from __future__ import annotations

import keras
import pytest
import tensorflow as tf
from keras import layers
from keras import ops as kops
from recorded import is_at, line_of, normal, ops, recorded, states, the_op

import gradlint
from gradlint.record.terms import Local


@tf.custom_gradient
def straight_through(x):
    return tf.round(x), lambda upstream: upstream


@tf.custom_gradient
def returns_none(x):
    return tf.math.softplus(x), lambda upstream: None


@tf.custom_gradient
def raises(x):
    def backward(upstream):
        raise KeyError("no such gradient")

    return tf.math.softplus(x), backward


@tf.custom_gradient
def zeros(x):
    return tf.math.softplus(x), lambda upstream: tf.zeros_like(upstream)


@tf.custom_gradient
def serves_one(x, y):
    return x * y, lambda upstream: (upstream * y, None)


@keras.ops.custom_gradient
def with_keras_ops(x):
    def backward(*args, upstream=None):
        return kops.multiply(upstream if upstream is not None else args[0], 2.0)

    return kops.softplus(x), backward


class Calls(layers.Layer):
    def __init__(self, function, **options):
        super().__init__(**options)
        self.function = function

    def call(self, x):
        return self.function(x)  # the call

    def compute_output_shape(self, shape):
        return shape


def around(function):
    x = keras.Input((5,), name="x")
    hidden = layers.Dense(3, name="fc")(x)
    return keras.Model({"x": x}, layers.Dense(1, name="head")(Calls(function, name="call")(hidden)))


def sample():
    return {"x": normal(4, 5)}


@pytest.mark.parametrize("function", [straight_through, with_keras_ops])
def test_a_custom_gradient_is_believed(function):
    seen = recorded(around(function), sample())
    assert set(states(seen).values()) == {"finite"}
    assert the_op(seen, "CustomGradient").layer == "call"


@pytest.mark.parametrize(
    ("function", "state", "name"),
    [(returns_none, "absent", "returns_none"), (raises, "absent", "raises"), (zeros, "zero", "zeros")],
)
def test_what_a_custom_gradient_hands_on(function, state, name):
    seen = recorded(around(function), sample())
    found = states(seen)
    assert found["x"] == found["fc/kernel"] == state
    assert found["head/kernel"] == "finite"
    custom = the_op(seen, "CustomGradient")
    assert custom.layer == "call"
    assert is_at(custom, __file__, line_of("return self.function(x)  # the call"))
    assert seen.ops[the_op(seen, "Softplus").enclosed] is custom
    if state != "zero":
        assert name in custom.detail or "no such gradient" in custom.detail


def test_a_gradient_that_raises_is_told_apart_from_none():
    seen = recorded(around(raises), sample())
    custom = the_op(seen, "CustomGradient")
    assert set(custom.local) == {Local.RAISES}
    assert "no such gradient" in custom.detail


def test_a_custom_gradient_that_serves_one_operand():
    class Gate(layers.Layer):
        def call(self, a, b):
            return serves_one(a, b)

        def compute_output_shape(self, a_shape, b_shape):
            return a_shape

    a, b = keras.Input((5,), name="a"), keras.Input((5,), name="b")
    gated = Gate(name="gate")(layers.Dense(3, name="left")(a), layers.Dense(3, name="right")(b))
    model = keras.Model({"a": a, "b": b}, layers.Dense(1)(gated))
    found = states(recorded(model, {"a": normal(4, 5), "b": normal(4, 5, seed=1)}))
    assert found["a"] == found["left/kernel"] == "finite"
    assert found["b"] == found["right/kernel"] == "absent"


class Energy(layers.Layer):
    """The derivative of an inner network with respect to its input."""

    def __init__(self, **options):
        super().__init__(**options)
        self.inner = layers.Dense(1, name="inner")

    def build(self, shape):
        self.inner.build(shape)

    def call(self, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            energy = tf.square(self.inner(x))
        return tape.gradient(energy, x)

    def compute_output_shape(self, shape):
        return shape


def test_gradient_tape_inside_of_the_model():
    x = keras.Input((5,), name="x")
    hidden = layers.Dense(3, activation="tanh", name="fc")(x)
    model = keras.Model({"x": x}, layers.Dense(1, name="head")(Energy(name="energy")(hidden)))
    seen = recorded(model, sample())
    assert set(states(seen).values()) == {"finite"}
    assert the_op(seen, "InnerGradient").layer == "energy"
    assert ops(seen, "InnerGradient")[0].outputs


def test_a_tape_that_is_closed_cuts():
    class Closed(layers.Layer):
        def call(self, x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                with tape.stop_recording():
                    return tf.math.softplus(x)

        def compute_output_shape(self, shape):
            return shape

    x = keras.Input((5,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1, name="head")(Closed(name="closed")(layers.Dense(3, name="fc")(x))))
    # Only the inner tape stops.
    assert states(recorded(model, sample()))["fc/kernel"] == "finite"


def test_an_operation_whose_registered_gradient_raises():
    class Sorted(layers.Layer):
        def call(self, x):
            return tf.raw_ops.Betainc(a=tf.nn.softplus(x), b=tf.nn.softplus(x), x=tf.nn.sigmoid(x))

        def compute_output_shape(self, shape):
            return shape

    x = keras.Input((5,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1, name="head")(Sorted(name="beta")(layers.Dense(3, name="fc")(x))))
    seen = recorded(model, sample())
    beta = the_op(seen, "Betainc")
    assert beta.local[:2] == (Local.NONE, Local.NONE) or Local.PASSES in beta.local
    assert states(seen)["fc/kernel"] == "finite"


def test_an_operation_missing_from_the_registry():
    class Missing(layers.Layer):
        def call(self, x):
            return tf.raw_ops.LowerBound(sorted_inputs=tf.sort(x), values=x, out_type=tf.int32)

        def compute_output_shape(self, shape):
            return shape

    x = keras.Input((5,), name="x")
    hidden = Missing(name="missing")(layers.Dense(3, name="fc")(x))
    model = keras.Model({"x": x}, layers.Dense(1, name="head")(kops.cast(hidden, "float32")))
    seen = recorded(model, sample())
    assert states(seen)["fc/kernel"] == "absent"
    assert states(seen)["head/kernel"] == "finite"
    assert the_op(seen, "LowerBound").layer == "missing"


def test_a_model_that_is_quantised_to_float8_learns_as_fit_lets_it_learn():
    """Keras's own functions answer for no variable, which only a graph lets pass."""
    x = keras.Input((16,), name="x")
    hidden = keras.layers.Dense(16, activation="tanh")(x)
    model = keras.Model(x, keras.layers.Dense(1)(hidden))
    model.quantize("float8")
    model.compile("sgd", "mse")
    result = gradlint.check(model, {"x": normal(4, 16), "y": normal(4, 1, seed=1)})
    assert result.findings == ()
    kernels = [v for v in result.variables if v.path.endswith("kernel")]
    assert [v.gradient.value for v in kernels] == ["finite", "finite"]
