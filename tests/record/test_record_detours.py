"""Values that leave TensorFlow, and values that pass through variables."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from recorded import is_at, line_of, normal, ops, recorded, states, the_op, variable

import gradlint
from gradlint.upstream import observing


class Same(layers.Layer):
    def compute_output_shape(self, shape):
        return shape


def around(layer):
    x = keras.Input((5,), name="x")
    hidden = layers.Dense(3, name="fc")(x)
    return keras.Model({"x": x}, layers.Dense(1, name="head")(layer(hidden)))


def live(layer):
    """A model that is never traced: for layers that need values."""
    model = keras.Sequential([layers.Dense(3, name="fc"), layer, layers.Dense(1, name="head")])
    model.build((None, 5))
    return model


def sample():
    return {"x": normal(4, 5)}


class NumpyFunction(Same):
    def call(self, x):
        y = tf.numpy_function(lambda v: np.tanh(v), [x], tf.float32)  # through NumPy
        return tf.ensure_shape(y, x.shape)


def test_numpy_function():
    seen = recorded(around(NumpyFunction(name="detour")), sample())
    detour = the_op(seen, "PyFunc")
    assert detour.layer == "detour"
    assert is_at(detour, __file__, line_of("# through NumPy"))
    assert states(seen)["fc/kernel"] == states(seen)["x"] == "absent"
    assert states(seen)["head/kernel"] == "finite"


class PyFunction(Same):
    def call(self, x):
        y = tf.py_function(lambda v: tf.math.softplus(v), [x], tf.float32)
        return tf.ensure_shape(y, x.shape)


def test_py_function_has_a_gradient_of_its_own():
    seen = recorded(around(PyFunction(name="detour")), sample())
    assert set(states(seen).values()) == {"finite"}


class Converted(Same):
    def __init__(self, how, **options):
        super().__init__(**options)
        self.how = how

    def call(self, x):
        if not tf.executing_eagerly():
            return x
        return tf.constant(np.tanh(self.how(x)))  # converted


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(lambda x: x.numpy(), id="numpy"),
        pytest.param(lambda x: np.array(x), id="array"),
        pytest.param(lambda x: np.asarray(x), id="asarray"),
        pytest.param(lambda x: keras.ops.convert_to_numpy(x), id="convert_to_numpy"),
        pytest.param(lambda x: np.asarray(memoryview(x)), id="buffer"),
    ],
)
def test_numpy_conversions(how):
    seen = recorded(live(Converted(how, name="detour")), sample())
    assert states(seen)["fc/kernel"] == "absent"
    assert states(seen)["head/kernel"] == "finite"
    detour = ops(seen, "NumpyConversion")[0]
    assert detour.layer.endswith("detour")
    assert detour.file == __file__


class Inline(Same):
    def call(self, x):
        if not tf.executing_eagerly():
            return x
        values = x.numpy()  # out
        return tf.constant(np.tanh(values))


def test_a_numpy_conversion_is_at_the_users_line():
    seen = recorded(live(Inline(name="detour")), sample())
    assert is_at(ops(seen, "NumpyConversion")[0], __file__, line_of("values = x.numpy()  # out"))


HANDED_TO_NUMPY = {
    "asarray": lambda x: np.asarray(x),  # to asarray
    "array": lambda x: np.array([x, x])[0],  # to array
    "ufunc": lambda x: np.tanh(x),  # to ufunc
    "two_operands": lambda x: np.maximum(np.zeros((1, 1), "float32"), x),  # to two_operands
    "function": lambda x: np.where(x > 0, x, 0.1 * x),  # to function
    "method": lambda x: np.cumsum(x, axis=1),  # to method
    "to_a_number": lambda x: np.mean(x),  # to to_a_number
}


@pytest.mark.parametrize("name", HANDED_TO_NUMPY)
def test_a_tensor_that_is_handed_to_numpy_leaves_at_the_users_line(name):
    class Handed(Same):
        def call(self, x):
            return tf.constant(HANDED_TO_NUMPY[name](x)) + tf.zeros_like(x) if tf.executing_eagerly() else x

    seen = recorded(live(Handed(name="handed")), sample())
    assert is_at(the_op(seen, "NumpyConversion"), __file__, line_of(f"# to {name}"))
    assert states(seen)["fc/kernel"] == "absent"


def test_numpy_gives_what_it_gives_without_a_recorder():
    """The recorder stands in for protocols that change what NumPy returns if they do."""
    x = tf.constant(normal(4, 5))
    calls = {
        "ufunc": lambda: np.tanh(x),
        "scalar": lambda: np.exp(x[0, 0]),
        "out": lambda: np.add(x, x, out=np.zeros((4, 5), "float32")),
        "two": lambda: np.modf(x),
        "reduced": lambda: np.add.reduce(x),
        "to_scalar": lambda: np.add.reduce(x, axis=None),
        "kept": lambda: np.add.reduce(x, axis=None, keepdims=True),
        "mean": lambda: np.mean(x),
        "where": lambda: np.where(x > 0, x, 0),
        "shape": lambda: np.shape(x),
        "clip": lambda: np.clip(x, -0.1, 0.1),
        "list": lambda: np.stack([x, np.zeros((4, 5))]),
        "sum": lambda: sum([np.ones((4, 5), "float32"), x]),
        "operator": lambda: np.ones((4, 5), "float32") * x,
        "number": lambda: np.float32(2.0) * x,
        "asarray": lambda: np.asarray(x, dtype="float64"),
    }

    def described():
        found = {name: call() for name, call in calls.items()}
        return {name: (type(value), np.asarray(value, dtype="float64").tolist()) for name, value in found.items()}

    without, seen = described(), []
    with observing.on_numpy_conversion(seen.append):
        within = described()
    assert within == without
    assert len(seen) > len(calls)


class Noted(Same):
    """Looks at its values through NumPy, and uses them as they are."""

    def call(self, x):
        if tf.executing_eagerly():
            self.last = np.mean(x), np.tanh(x), np.asarray(x)
        return 0.25 * tf.math.softplus(x)


def test_looking_through_numpy_is_no_detour():
    seen = recorded(live(Noted(name="noted")), sample())
    assert set(states(seen).values()) == {"finite"}
    assert ops(seen, "NumpyConversion") == []


def distance_in_numpy(y, p):
    predicted = np.asarray(p)  # out of distance_in_numpy
    wanted = y.numpy()
    return tf.constant(np.abs(predicted - wanted).mean(), tf.float32)


def scaled_distance(y, p):
    return 0.5 * tf.constant(np.abs(np.asarray(p) - y).mean(), tf.float32)  # out of scaled_distance


@pytest.mark.parametrize("loss", [distance_in_numpy, scaled_distance])
def test_a_loss_in_numpy_is_at_the_users_line(loss):
    model = live(layers.Activation("softplus"))
    model.compile("sgd", loss, run_eagerly=True)
    seen = recorded(model, {**sample(), "y": normal(4, 1)})
    assert is_at(ops(seen, "NumpyConversion")[-1], __file__, line_of(f"# out of {loss.__name__}"))
    assert set(states(seen).values()) == {"absent"}


def test_predict_takes_the_input_with_it():
    encoder, head = (
        live(layers.Activation("softplus")),
        keras.Sequential([keras.Input((1,)), layers.Dense(1, name="out")]),
    )

    def step(batch):
        return tf.reduce_mean(head(encoder.predict(batch["x"], verbose=0)) ** 2)  # predicted

    (finding,) = gradlint.check(step, sample(), models=[encoder, head]).findings
    assert (finding.code, finding.inputs, finding.cause.line) == ("GL105", ("x",), line_of("# predicted"))
    assert len(finding.variables) == 4


class Logged(Same):
    """Looks at its values, and uses them as they are."""

    def call(self, x):
        if tf.executing_eagerly():
            self.last = float(tf.reduce_mean(x))
            self.copy = x.numpy()
        return tf.math.softplus(x)


def test_looking_at_values_is_no_detour():
    seen = recorded(live(Logged(name="logged")), sample())
    assert set(states(seen).values()) == {"finite"}
    assert ops(seen, "NumpyConversion") == []


class Scale(Same):
    """A `tf.Variable` that an operation reads by itself, in C++."""

    def __init__(self, use, **options):
        super().__init__(**options)
        self.use = use
        self.scale = tf.Variable([1.0, 2.0, 3.0], name="scale")

    def call(self, x):
        return self.use(x, self.scale)


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda x, v: x * v, id="multiply"),
        pytest.param(lambda x, v: tf.math.multiply(x, v), id="math"),
        pytest.param(lambda x, v: tf.raw_ops.Mul(x=x, y=v), id="raw"),
        pytest.param(lambda x, v: tf.raw_ops.BiasAdd(value=x, bias=v), id="bias"),
        pytest.param(lambda x, v: x * v.read_value(), id="read_value"),
        pytest.param(lambda x, v: x * v.value(), id="value"),
        pytest.param(lambda x, v: x * tf.convert_to_tensor(v), id="convert"),
        pytest.param(lambda x, v: x * v[:3], id="slice"),
        pytest.param(lambda x, v: x * tf.gather(v, [0, 1, 2]), id="gather"),
    ],
)
def test_a_variable_that_the_model_does_not_list_is_seen(use):
    seen = recorded(live(Scale(use, name="own")), sample())
    stray = variable(seen, "scale")
    assert not stray.tracked
    assert stray.layer.endswith("own")
    reads = [op for op in seen.ops if stray.tensor in op.inputs]
    assert reads


class Memory(Same):
    def build(self, shape):
        self.memory = self.add_weight(shape=(4, 3), name="memory", trainable=False)

    def call(self, x):
        if x.shape[0] is None:
            return x
        self.memory.assign(x)  # into the variable
        return tf.math.softplus(self.memory + 0.0)


def test_assigned_and_read_back():
    seen = recorded(live(Memory(name="memory")), sample())
    assert states(seen)["fc/kernel"] == "absent"
    assert states(seen)["head/kernel"] == "finite"
    (assign,) = [op for op in seen.ops if op.type.startswith("Assign")]
    assert is_at(assign, __file__, line_of("# into the variable"))
    # What reads the variable depends on what was assigned.
    (version,) = assign.outputs
    assert any(op.type == "ReadVariableOp" and version in op.inputs for op in seen.ops)


class Reads(Same):
    """Reads a Keras variable in the ordinary way or not before, and then with an operation that reads it by itself."""

    def __init__(self, trainable, before, **options):
        super().__init__(**options)
        self.is_trainable, self.before = trainable, before

    def build(self, shape):
        self.scale = self.add_weight(shape=(3,), name="scale", trainable=self.is_trainable)

    def call(self, x):
        if self.before == "read":
            tf.tanh(self.scale)
        if self.before == "assigned" and tf.executing_eagerly():
            self.scale.assign(tf.reduce_mean(x, axis=0))
        return self.scale * tf.nn.softplus(x)


@pytest.mark.parametrize(
    ("trainable", "before"),
    [
        (True, ""),
        (False, ""),
        (True, "read"),
        (False, "read"),
        (True, "assigned"),
        (False, "assigned"),
    ],
)
def test_a_silent_read_is_linked(trainable, before):
    seen = recorded(live(Reads(trainable, before, name="reads")), sample())
    product = (
        the_op(seen, "Mul") if len(ops(seen, "Mul")) == 1 else next(o for o in ops(seen, "Mul") if "reads" in o.layer)
    )
    producer = seen.tensors[product.inputs[0]].producer
    assert producer is not None
    assert seen.ops[producer].type == "ReadVariableOp"


class EqualByChance(Same):
    """A constant that equals the layer's own bias, or the weight of another layer."""

    def __init__(self, value, trainable):
        super().__init__(name="equal")
        self.value, self.is_trainable = value, trainable

    def build(self, shape):
        fill = keras.initializers.Constant(self.value)
        self.bias = self.add_weight(shape=shape[-1:], name="bias", initializer=fill, trainable=self.is_trainable)

    def call(self, x):
        shifted = tf.multiply(x + 1.0, self.bias.value) + x  # read by the operation itself
        return tf.subtract(shifted, np.full(x.shape[-1:], self.value, "float32"))


@pytest.mark.parametrize("trainable", [True, False])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_constant_that_equals_a_variable_is_no_read_of_it(value, trainable):
    seen = recorded(live(EqualByChance(value, trainable)), sample())
    difference = next(o for o in ops(seen, "Sub") if "equal" in o.layer)
    product = next(o for o in ops(seen, "Mul") if "equal" in o.layer)
    assert seen.tensors[difference.inputs[1]].producer is None
    assert seen.ops[seen.tensors[product.inputs[1]].producer].inputs == (variable(seen, "equal/bias").tensor,)


class ReadTogether(Same):
    def build(self, shape):
        self.one = self.add_weight(shape=shape[-1:], name="one", initializer="zeros")
        self.two = self.add_weight(shape=shape[-1:], name="two", initializer="zeros")

    def call(self, x):
        zeros = np.zeros(x.shape[-1:], "float32")
        return x + tf.raw_ops.AddN(inputs=[zeros, self.two.value, self.one.value, self.two.value])


def test_each_of_several_equal_variables_that_one_operation_reads_is_told_from_the_others():
    seen = recorded(live(ReadTogether(name="together")), sample())
    producers = [seen.tensors[index].producer for index in the_op(seen, "AddN").inputs]
    read = [None if position is None else seen.ops[position].inputs[0] for position in producers]
    one, two = (variable(seen, name).tensor for name in ("one", "two"))
    assert read == [None, two, one, two]


class Counter(Same):
    def build(self, shape):
        self.count = self.add_weight(shape=(), name="count", trainable=False, initializer="zeros")

    def call(self, x):
        self.count.assign_add(1.0)
        return tf.math.softplus(x)


def test_an_assigned_state_does_not_cut():
    layer = Counter(name="counter")
    model = live(layer)
    before = float(layer.count.value)
    assert set(states(recorded(model, sample())).values()) == {"finite"}
    assert float(layer.count.value) == before
