"""For each rule of the catalogue one real model that fires it, and one that almost does.

Each function below builds both: `build(True)` has the defect, `build(False)` comes as close as a correct model can. The
line to blame, where it is in this file, ends in a comment with the rule's code.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from keras import ops as kops

import gradlint
from gradlint import Severity
from gradlint.rules import ALL_RULES

LINES = Path(__file__).read_text(encoding="utf-8").splitlines()


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def line_of(code: str) -> int:
    """The line that ends in the comment `# <code>`."""
    (found,) = [number for number, text in enumerate(LINES, 1) if text.endswith(f"# {code}")]
    return found


class Apply(layers.Layer):
    """A layer of the user's own that applies a function, and keeps the shape."""

    def __init__(self, function, **options):
        super().__init__(**options)
        self.function = function

    def call(self, x):
        return self.function(x)

    def compute_output_shape(self, shape):
        return shape


class Join(Apply):
    """The same with two operands."""

    def call(self, left, right):
        return self.function(left, right)

    def compute_output_shape(self, left_shape, right_shape):
        return left_shape


def one_input(layer, units=4, loss="mse", rows=8, **options):
    """`x` through Dense `fc`, the layer in question, and Dense `head`."""
    x = keras.Input((5,), name="x")
    hidden = layers.Dense(units, name="fc", **options)(x)
    model = keras.Model({"x": x}, layers.Dense(1, name="head")(layer(hidden)))
    model.compile("adam", loss)
    return model, {"x": normal(rows, 5), "y": normal(rows, 1, seed=9)}


def two_inputs():
    return keras.Input((5,), name="a"), keras.Input((5,), name="b")


def two_samples(rows=8):
    return {"a": normal(rows, 5), "b": normal(rows, 5, seed=1), "y": normal(rows, 1, seed=9)}


def compiled(inputs, outputs, loss="mse"):
    model = keras.Model(inputs, outputs)
    model.compile("adam", loss)
    return model


# -- GL1: connections --------------------------------------------------------------------------------


def disconnected_input(broken):
    a, b = two_inputs()

    def join(left, right):
        return left * 2.0 if broken else left * 2.0 + 1e-3 * right

    joined = Join(join, name="join")(layers.Dense(4, name="left")(a), layers.Dense(4, name="right")(b))
    return compiled({"a": a, "b": b}, layers.Dense(1, name="head")(joined)), two_samples()


class Forgetful(keras.Model):
    def __init__(self, broken):
        super().__init__(name="forgetful")
        self.broken = broken
        self.first = layers.Dense(4, name="first")
        self.second = layers.Dense(4, name="second")  # GL102
        self.head = layers.Dense(1, name="head")

    def build(self, shape):
        self.first.build(shape)
        self.second.build((None, 4))
        self.head.build((None, 4))

    def call(self, x):
        hidden = self.first(x)
        return self.head(hidden if self.broken else self.second(hidden))


def disconnected_variable(broken):
    model = Forgetful(broken)
    model.build((None, 5))
    model.compile("adam", "mse")
    return model, {"x": normal(8, 5), "y": normal(8, 1)}


def nondifferentiable_op(broken):
    def choose(scores):
        hard = tf.one_hot(tf.argmax(scores, axis=-1), 4)  # GL103
        return hard if broken else tf.nn.softmax(scores) + tf.stop_gradient(hard - tf.nn.softmax(scores))

    return one_input(Apply(choose, name="choose"))


def stop_gradient(broken):
    def detach(x):
        held = tf.stop_gradient(x)  # GL104
        return held if broken else held + x

    return one_input(Apply(detach, name="detach"))


def python_detour(broken):
    def through_numpy(x):
        y = tf.numpy_function(np.tanh, [x], tf.float32)  # GL105
        y = tf.ensure_shape(y, x.shape)
        return y if broken else x + tf.stop_gradient(y - x)

    return one_input(Apply(through_numpy, name="detour"))


def output_without_loss(broken):
    x = keras.Input((5,), name="x")
    hidden = layers.Dense(4, activation="tanh", name="fc")(x)
    outputs = {"price": layers.Dense(1, name="price")(hidden), "risk": layers.Dense(1, name="risk")(hidden)}
    model = compiled({"x": x}, outputs, {"price": "mse"} if broken else {"price": "mse", "risk": "mae"})
    return model, {"x": normal(8, 5), "y:price": normal(8, 1, seed=1), "y:risk": normal(8, 1, seed=2)}


class Memory(layers.Layer):
    def __init__(self, broken, **options):
        super().__init__(**options)
        self.broken = broken

    def build(self, shape):
        self.memory = self.add_weight(shape=(8, 4), name="memory", trainable=False)

    def call(self, x):
        if tf.executing_eagerly():
            self.memory.assign(x)  # GL107
            return tf.identity(self.memory) if self.broken else x
        return x

    def compute_output_shape(self, shape):
        return shape


def variable_detour(broken):
    return one_input(Memory(broken, name="memory"))


def nothing_trainable(broken):
    model, sample = one_input(layers.ReLU(name="relu"))
    for layer in model.layers if broken else model.layers[:-1]:
        layer.trainable = False
    model.compile("adam", "mse")
    return model, sample


class Holder:
    """Keras does not look for variables in here."""

    def __init__(self):
        self.scale = tf.Variable([1.0, 2.0, 3.0, 4.0], name="scale")


class Scale(layers.Layer):
    def __init__(self, broken, **options):
        super().__init__(**options)
        self.holder = Holder()
        if not broken:
            self.scale = self.add_weight(shape=(4,), name="scale", initializer="ones")

    def call(self, x):
        return x * (self.scale if hasattr(self, "scale") else self.holder.scale)

    def compute_output_shape(self, shape):
        return shape


def untracked_variable(broken):
    return one_input(Scale(broken, name="own"))


# -- GL2: zeros --------------------------------------------------------------------------------------


def zero_gradient(broken):
    return one_input(Apply(lambda x: tf.sign(x) if broken else tf.sign(x) + 0.1 * x, name="step"))  # GL201


def dead_relu(broken):
    bias = keras.initializers.Constant(-100.0 if broken else -0.5)
    return one_input(layers.ReLU(name="relu"), units=16, bias_initializer=bias)


def saturated_activation(broken):
    model, sample = one_input(layers.Activation("sigmoid", name="gate"))
    model.get_layer("fc").kernel.assign(keras.ops.sign(model.get_layer("fc").kernel) * (1e4 if broken else 3.0))
    return model, sample


def constant_normalization(broken):
    return one_input(layers.Softmax(name="attention"), units=1 if broken else 2)


def partly_used_input(broken):
    sequence, vector = keras.Input((10, 3), name="sequence"), keras.Input((3,), name="vector")

    def last(values):
        return values[:, -1] if broken else tf.reduce_mean(values, axis=1) + values[:, -1]  # GL205

    step = layers.Lambda(last, output_shape=(3,), name="last")(sequence)
    joined = layers.Concatenate(name="joined")([step, layers.Dense(3, name="fc")(vector)])
    model = compiled({"sequence": sequence, "vector": vector}, layers.Dense(1, name="head")(joined))
    return model, {"sequence": normal(8, 10, 3), "vector": normal(8, 3, seed=1), "y": normal(8, 1, seed=9)}


def symmetric_weights(broken):
    x = keras.Input((5,), name="x")
    hidden = layers.Dense(4, activation="tanh", kernel_initializer="ones", name="fc")(x)
    kernel = "ones" if broken else "glorot_uniform"
    model = compiled({"x": x}, layers.Dense(1, kernel_initializer=kernel, name="head")(hidden))
    return model, {"x": normal(8, 5), "y": normal(8, 1, seed=9)}


def zero_weights(broken):
    x = keras.Input((5,), name="x")
    hidden = layers.Dense(4, activation="tanh", name="fc")(x)
    # One zero kernel is opened by the first update; two in a row keep each other closed.
    first = layers.Dense(4, kernel_initializer="zeros" if broken else "glorot_uniform", name="first")(hidden)
    model = compiled({"x": x}, layers.Dense(1, kernel_initializer="zeros", name="last")(first))
    return model, {"x": normal(8, 5), "y": normal(8, 1, seed=9)}


# -- GL3: numbers ------------------------------------------------------------------------------------


def nonfinite_gradient(broken):
    def length(x):
        zero = x * tf.constant([0.0, 1.0, 1.0, 1.0])
        return tf.sqrt(tf.square(zero)) if broken else tf.sqrt(tf.square(zero) + 1e-6)  # GL301

    return one_input(Apply(length, name="length"))


def nonfinite_activation(broken):
    return one_input(Apply(lambda x: tf.math.log(tf.nn.relu(x) + (0.0 if broken else 1e-3)), name="log"))  # GL302


def stack(depth, scale, activation):
    x = keras.Input((16,), name="x")
    hidden = x
    kernel = keras.initializers.RandomNormal(stddev=scale, seed=3)
    for number in range(depth):
        hidden = layers.Dense(16, activation=activation, kernel_initializer=kernel, name=f"fc{number}")(hidden)
        kernel = keras.initializers.RandomNormal(stddev=scale, seed=4 + number)
    model = compiled({"x": x}, layers.Dense(1, name="head")(hidden))
    return model, {"x": normal(8, 16), "y": normal(8, 1, seed=9)}


def vanishing_gradient(broken):
    return stack(24 if broken else 4, 0.25, "sigmoid")


def exploding_gradient(broken):
    return stack(16, 2.0 if broken else 0.3, None)


def half_precision_underflow(broken):
    dtype = "float16" if broken else "bfloat16"

    def narrow(x):
        return tf.cast(tf.cast(x, dtype), "float32") * 1e-9

    return one_input(Apply(narrow, name="narrow"))


# -- GL4: shapes and keys ----------------------------------------------------------------------------


def joined_inputs():
    a, b = two_inputs()
    return compiled({"a": a, "b": b}, layers.Dense(1, name="head")(layers.Concatenate(name="joined")([a, b])))


def missing_input(broken):
    sample = two_samples()
    if broken:
        sample["bb"] = sample.pop("b")
    return joined_inputs(), sample


def unexpected_input(broken):
    return joined_inputs(), two_samples() | (
        {"c": normal(8, 5)} if broken else {"sample_weight": np.ones(8, "float32")}
    )


def input_shape(broken):
    return joined_inputs(), two_samples() | {"b": normal(8, 6) if broken else normal(8, 5, 1)}


def input_dtype(broken):
    x = keras.Input((1,), dtype="int32", name="count")
    model = compiled({"count": x}, layers.Dense(1, name="head")(kops.cast(x, "float32")))
    values = np.array([[0.5], [1.7]] if broken else [[1.0], [2.0]], "float32")
    return model, {"count": values, "y": normal(2, 1)}


def label_broadcast(broken):
    head = layers.Dense(1, name="head")
    head.build((None, 5))

    def step(sample):
        return tf.reduce_mean(tf.square(sample["y"] - head(sample["x"])))  # GL405

    return step, {"x": normal(8, 5), "y": normal(8) if broken else normal(8, 1)}, {"models": [head]}


def batch_size_mismatch(broken):
    return joined_inputs(), two_samples() | {"y": normal(7 if broken else 8, 1)}


def layer_shape(broken):
    a, b = two_inputs()

    def join(left, right):
        return tf.concat([left, right[:, :3] if not broken else right[:3]], axis=1)[:, -4:]  # GL407

    joined = Join(join, name="join")(layers.Dense(4, name="left")(a), layers.Dense(4, name="right")(b))
    model = keras.Model({"a": a, "b": b}, layers.Dense(1, name="head")(joined))
    model.compile("adam", "mse")
    return model, two_samples()


def swapped_inputs(broken):
    a, b = two_inputs()
    outputs = layers.Dense(1, name="head")(layers.Concatenate(name="joined")([a, b]))
    return compiled({"a": b, "b": a} if broken else {"b": b, "a": a}, outputs), two_samples()


def loss_activation_mismatch(broken):
    x = keras.Input((5,), name="x")
    activation = None if broken else "softmax"
    model = compiled(
        {"x": x}, layers.Dense(3, activation=activation, name="head")(x), "sparse_categorical_crossentropy"
    )
    return model, {"x": 5.0 * normal(8, 5), "y": np.arange(8) % 3}


# -- GL5: leaks --------------------------------------------------------------------------------------


def batch_leak(broken):
    def centre(x):
        return x - tf.reduce_mean(x, axis=0 if broken else -1, keepdims=True)  # GL501

    return one_input(Apply(centre, name="centre"))


def future_leak(broken):
    x = keras.Input((6, 4), name="tokens")
    attention = layers.MultiHeadAttention(1, 4, name="attention")(x, x, use_causal_mask=not broken)
    model = compiled({"tokens": x}, layers.Dense(1, name="head")(attention))
    return model, {"tokens": normal(4, 6, 4), "y": normal(4, 6, 1)}, {"causal": ["tokens"]}


@dataclass(frozen=True)
class Expect:
    """What the finding says; None means it is not asserted, since it is not the test's own."""

    build: object
    severity: str = "error"
    inputs: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    layer: str | None = None
    op: str | None = None
    has_line: bool = False


FC = ("fc/bias", "fc/kernel")
EXPECT = {
    "GL101": Expect(disconnected_input, inputs=("b",), variables=("right/bias", "right/kernel"), layer="join"),
    "GL102": Expect(
        disconnected_variable,
        variables=("forgetful/second/bias", "forgetful/second/kernel"),
        layer="",
        has_line=True,
    ),
    "GL103": Expect(nondifferentiable_op, inputs=("x",), variables=FC, layer="choose", op="ArgMax", has_line=True),
    "GL104": Expect(stop_gradient, "error", ("x",), FC, "detach", "StopGradient", True),
    "GL105": Expect(python_detour, inputs=("x",), variables=FC, layer="detour", op="PyFunc", has_line=True),
    "GL106": Expect(output_without_loss, "warning", (), ("risk/bias", "risk/kernel"), "risk"),
    "GL107": Expect(variable_detour, "error", ("x",), FC, "memory", "AssignVariableOp", True),
    "GL108": Expect(nothing_trainable, variables=(*FC, "head/bias", "head/kernel")),
    "GL109": Expect(untracked_variable, variables=("own/scale",), layer="own"),
    "GL201": Expect(zero_gradient, "error", ("x",), FC, "step", "Sign", True),
    "GL202": Expect(dead_relu, "error", ("x",), (*FC, "head/kernel"), "relu", "Relu"),
    "GL203": Expect(saturated_activation, "error", ("x",), FC, "gate", "Sigmoid"),
    "GL204": Expect(constant_normalization, "error", ("x",), FC, "attention", "Softmax"),
    "GL205": Expect(partly_used_input, "warning", ("sequence",), (), "last", "StridedSlice", True),
    "GL206": Expect(symmetric_weights, "warning", ("x",), ("fc/kernel",), "fc"),
    "GL207": Expect(
        zero_weights, "error", ("x",), ("fc/bias", "fc/kernel", "first/bias", "first/kernel", "last/kernel"), "last"
    ),
    "GL301": Expect(nonfinite_gradient, "error", ("x",), FC, "length", "Sqrt", True),
    "GL302": Expect(nonfinite_activation, "error", ("x",), None, "log", "Log", True),
    "GL303": Expect(vanishing_gradient, "warning", ("x",), None, "fc0"),
    "GL304": Expect(exploding_gradient, "warning", ("x",), None, "fc0"),
    "GL305": Expect(half_precision_underflow, "error", ("x",), FC, "narrow", "Cast"),
    "GL401": Expect(missing_input, inputs=("b",)),
    "GL402": Expect(unexpected_input, "warning", ("c",)),
    "GL403": Expect(input_shape, inputs=("b",)),
    "GL404": Expect(input_dtype, inputs=("count",)),
    "GL405": Expect(label_broadcast, inputs=("y",), layer="head", op="Sub", has_line=True),
    "GL406": Expect(batch_size_mismatch, inputs=("y",)),
    "GL407": Expect(layer_shape, inputs=("a", "b"), layer="join", has_line=True),
    "GL408": Expect(swapped_inputs, inputs=("a", "b")),
    "GL409": Expect(loss_activation_mismatch, "warning", layer="head"),
    "GL501": Expect(batch_leak, inputs=("x",), layer="centre", op="Mean", has_line=True),
    "GL502": Expect(future_leak, inputs=("tokens",), layer="attention"),
}


@pytest.fixture(autouse=True)
def seeded():
    keras.backend.clear_session(free_memory=False)
    keras.utils.set_random_seed(1)


def checked(built):
    model, sample, options = (*built, {})[:3]
    return gradlint.check(model, sample, **options)


def told(findings):
    return (
        "\n".join(f"{f.severity} {f.code} {f.message} {f.inputs} {f.variables} {f.cause}" for f in findings) or "none"
    )


def test_every_rule_has_a_model():
    here = (path.stem.split("_") for path in Path(__file__).parent.glob("test_*gl*_*.py"))
    in_files = {part.upper() for parts in here for part in parts if part.startswith("gl")}
    by_rule = (Path(__file__).parents[1] / "rules").glob("test_gl*_*.py")
    in_files |= {path.stem.split("_")[1].upper() for path in by_rule if "gradlint.check(" in path.read_text()}
    # Training steps, which `check_step` runs: each expected code stands beside its step.
    steps = Path(__file__).parents[1] / "checking"
    for path in [steps / "test_step.py", steps / "test_frozen_numbers.py", *(steps / "steps").glob("*.py")]:
        in_files |= {rule.code for rule in ALL_RULES if rule.code in path.read_text(encoding="utf-8")}
    missing = {rule.code for rule in ALL_RULES if rule.is_of_runs} - set(EXPECT) - in_files
    assert not missing


@pytest.mark.parametrize("code", EXPECT)
def test_fires(code):
    expect = EXPECT[code]
    result = checked(expect.build(True))
    assert [f.code for f in result.findings if f.severity is not Severity.INFO] == [code], told(result.findings)
    (finding,) = [f for f in result.findings if f.severity is not Severity.INFO]
    assert finding.severity.value == expect.severity
    assert tuple(sorted(finding.inputs)) == expect.inputs
    if expect.variables is not None:
        assert tuple(sorted(finding.variables)) == expect.variables
    if expect.layer is not None:
        assert finding.cause.layer == (expect.layer or finding.cause.layer)
    if expect.op is not None:
        assert finding.cause.op == expect.op
    if expect.has_line:
        assert (finding.cause.file, finding.cause.line) == (__file__, line_of(code))
    assert result.skipped == ()


@pytest.mark.parametrize("code", EXPECT)
def test_stays_quiet_where_it_almost_fires(code):
    result = checked(EXPECT[code].build(False))
    assert [f for f in result.findings if f.severity is not Severity.INFO] == [], told(result.findings)
    assert result.skipped == ()


# -- what should be found, and is not yet ------------------------------------------------------------


def test_a_product_underflows():
    model, sample = one_input(Apply(lambda x: tf.cast(tf.cast(x, "float16") * 1e-4 * 1e-4, "float32"), name="tiny"))
    assert "GL305" in {finding.code for finding in gradlint.check(model, sample).findings}


def test_labels_that_are_repeated_along_the_batch_axis():
    x = keras.Input((5,), name="x")
    head = layers.Dense(3, name="head")(x)
    model = compiled({"x": x}, head, lambda y, prediction: tf.reduce_mean(tf.square(y - prediction)))
    assert not gradlint.check(model, {"x": normal(8, 5), "y": normal(1, 3)}).ok
