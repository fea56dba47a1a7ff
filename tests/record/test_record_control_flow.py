"""Branches, loops and `tf.function`: what runs inside is seen one by one, at the user's line."""

from __future__ import annotations

import keras
import pytest
import tensorflow as tf
from keras import layers
from recorded import is_at, line_of, normal, ops, recorded, runner, states, the_op


def around(layer, units=3):
    """A Dense layer, the layer in question, and a head."""
    x = keras.Input((5,), name="x")
    hidden = layers.Dense(units, name="fc")(x)
    return keras.Model({"x": x}, layers.Dense(1, name="head")(layer(hidden)))


def sample(rows=4):
    return {"x": normal(rows, 5)}


class Same(layers.Layer):
    """A layer whose result has the shape of its input."""

    def compute_output_shape(self, shape):
        return shape


class Cond(Same):
    def call(self, x):
        return tf.cond(
            tf.reduce_mean(x) > -1e6,
            lambda: tf.math.softplus(x),
            lambda: tf.math.erf(x),
        )


def test_cond_runs_the_branch_that_the_sample_takes():
    seen = recorded(around(Cond(name="cond")), sample())
    taken = the_op(seen, "Softplus")
    assert taken.layer == "cond"
    assert is_at(taken, __file__, line_of("lambda: tf.math.softplus(x)"))
    assert ops(seen, "Erf") == []
    predicate = the_op(seen, "Greater")
    assert predicate.outputs[0] in seen.decisions
    assert set(states(seen).values()) == {"finite"}


class TwoSides(Same):
    def build(self, shape):
        self.one = self.add_weight(shape=(3,), name="one", initializer="ones")
        self.other = self.add_weight(shape=(3,), name="other", initializer="ones")

    def call(self, x):
        return tf.cond(tf.reduce_mean(x) > -1e6, lambda: x * self.one, lambda: x * self.other)


def test_a_traced_run_sees_both_branches():
    model = around(TwoSides(name="cond"))
    assert states(recorded(model, sample()))["cond/other"] == "absent"
    assert {"cond/one", "cond/other", "fc/kernel"} <= runner(model, sample()).traced_reads()


class WhileLoop(Same):
    def call(self, x):
        return tf.while_loop(
            lambda i, y: i < 3,
            lambda i, y: (i + 1, tf.math.softplus(y)),
            [tf.constant(0), x],
        )[1]


def test_while_loop_runs_step_by_step():
    seen = recorded(around(WhileLoop(name="loop")), sample())
    steps = ops(seen, "Softplus")
    assert [op.layer for op in steps] == ["loop"] * 3
    assert all(is_at(op, __file__, line_of("lambda i, y: (i + 1, tf.math.softplus(y))")) for op in steps)
    assert set(states(seen).values()) == {"finite"}


@tf.function
def traced(x):
    doubled = x * 2.0
    return tf.math.softplus(doubled)


@tf.function(jit_compile=True)
def compiled(x):
    return tf.math.softplus(x)  # compiled


@tf.function(reduce_retracing=True)
def outer(x):
    return traced(tf.math.erf(x))


LINES = {"traced": line_of("return tf.math.softplus(doubled)"), "compiled": line_of("softplus(x)  # compiled")}


class Calls(Same):
    def __init__(self, function, **options):
        super().__init__(**options)
        self.function = function

    def call(self, x):
        return self.function(x)


@pytest.mark.parametrize(
    ("function", "line"),
    [
        (traced, LINES["traced"]),
        (compiled, LINES["compiled"]),
        (outer, LINES["traced"]),
    ],
)
def test_functions_are_opened(function, line):
    seen = recorded(around(Calls(function, name="call")), sample())
    inside = the_op(seen, "Softplus")
    assert inside.layer == "call"
    assert is_at(inside, __file__, line)
    assert set(states(seen).values()) == {"finite"}
    assert not tf.config.functions_run_eagerly()


def row(x):
    squared = x * x
    total = tf.reduce_sum(squared)
    if total > 1e-3:
        return tf.math.softplus(x)  # of a row
    return tf.math.erf(x)


class Rows(Same):
    def call(self, x):
        return tf.map_fn(row, x)


def test_map_fn_maps_autograph_lines_back():
    seen = recorded(around(Rows(name="rows")), sample())
    inside = ops(seen, "Softplus")
    assert len(inside) == 4
    assert {op.layer for op in inside} == {"rows"}
    assert all(is_at(op, __file__, line_of("return tf.math.softplus(x)  # of a row")) for op in inside)
    assert set(states(seen).values()) == {"finite"}


class VectorizedRows(Same):
    def call(self, x):
        return tf.vectorized_map(lambda part: tf.math.softplus(part), x)


def test_vectorized_map():
    seen = recorded(around(VectorizedRows(name="rows")), sample())
    assert set(states(seen).values()) == {"finite"}
    assert {op.layer for op in ops(seen, "Softplus")} <= {"rows"}


class Scan(Same):
    def call(self, x):
        steps = tf.scan(lambda total, part: tf.math.softplus(total + part), tf.transpose(x))
        return tf.transpose(steps)


def test_scan():
    seen = recorded(around(Scan(name="scan")), sample())
    assert {op.layer for op in ops(seen, "Softplus")} == {"scan"}
    assert set(states(seen).values()) == {"finite"}


class PythonIf(Same):
    def call(self, x):
        if tf.reduce_mean(x) > -1e6:
            return tf.math.softplus(x)  # if
        return x

    def build(self, shape):
        """Keeps Keras from tracing the branch."""


def test_a_python_branch_is_a_decision():
    layer = PythonIf(name="branch")
    model = keras.Sequential([layers.Dense(3, name="fc"), layer, layers.Dense(1, name="head")])
    model.build((None, 5))
    seen = recorded(model, sample())
    assert the_op(seen, "Greater").outputs[0] in seen.decisions
    assert is_at(the_op(seen, "Softplus"), __file__, line_of("return tf.math.softplus(x)  # if"))


class Recompute(Same):
    def call(self, x):
        return tf.recompute_grad(lambda y: tf.math.softplus(y))(x)


def test_recomputed_gradient():
    seen = recorded(around(Recompute(name="again")), sample())
    assert set(states(seen).values()) == {"finite"}
