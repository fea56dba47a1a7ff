"""Whatever writes to a variable, by a method or by an operation alone: a check gives its value back."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import gradlint

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
ONES = tf.constant([1.0, 2.0, 3.0])


raw = tf.raw_ops
WRITES = {
    "assign": lambda h, v: raw.AssignVariableOp(resource=h, value=2 * ONES),
    "add": lambda h, v: raw.AssignAddVariableOp(resource=h, value=ONES),
    "sub": lambda h, v: raw.AssignSubVariableOp(resource=h, value=ONES),
    "descent": lambda h, v: raw.ResourceApplyGradientDescent(var=h, alpha=0.1, delta=ONES, use_locking=False),
    "momentum": lambda h, v: raw.ResourceApplyMomentum(var=h, accum=h, lr=0.1, grad=ONES, momentum=0.5),
    "scatter": lambda h, v: raw.ResourceScatterAdd(resource=h, indices=[0, 2], updates=[1.0, 5.0]),
    "scatter_nd": lambda h, v: raw.ResourceScatterNdUpdate(ref=h, indices=[[1]], updates=[7.0]),
    "sparse": lambda h, v: raw.ResourceSparseApplyAdagrad(var=h, accum=h, lr=0.1, grad=[1.0], indices=[1]),
    "slice": lambda h, v: raw.ResourceStridedSliceAssign(ref=h, begin=[0], end=[1], strides=[1], value=[9.0]),
    "another handle": lambda h, v: raw.AssignAddVariableOp(resource=tf.identity(h), value=ONES),
    "method": lambda h, v: v.assign_add(ONES),
    "part": lambda h, v: v[1].assign(4.0),
    "read": lambda h, v: raw.ReadVariableOp(resource=h, dtype=tf.float32),
    "gather": lambda h, v: raw.ResourceGather(resource=h, indices=[0], dtype=tf.float32),
}


def stepping(writes):
    """A step that writes to variables which nobody lists, and reads them again, with their values."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model(X)
    optimizer = keras.optimizers.SGD(0.1)
    variables = [tf.Variable([1.0, 1.0, 1.0], trainable=False), tf.Variable([2.0, 3.0, 5.0])]

    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(x)))
        slopes = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(slopes, model.trainable_variables, strict=True))
        for place, name in writes:
            WRITES[name](variables[place].handle, variables[place])
        return loss

    return step, model, variables


def loss_of(step):
    return lambda sample: step(sample["x"])


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.sampled_from(sorted(WRITES))), max_size=5), st.sampled_from(["step", "fn"])
)
def test_no_order_of_writes_leaves_anything(writes, way):
    step, model, variables = stepping(writes)
    before = [np.array(v) for v in [*variables, *model.variables]]
    gradlint.check_step(step if way == "step" else tf.function(step), X, models=[model])
    for variable, value in zip([*variables, *model.variables], before, strict=True):
        np.testing.assert_array_equal(np.array(variable), value)


@pytest.mark.parametrize("name", sorted(WRITES))
def test_each_way_to_write_is_put_back(name):
    step, model, (_, variable) = stepping([(1, name), (1, name)])
    before = np.array(variable)
    gradlint.check(loss_of(step), {"x": X}, models=[model], loss=None)
    np.testing.assert_array_equal(np.array(variable), before)


def test_a_function_that_runs_as_a_whole_is_put_back():
    """Of `get_concrete_function` no operation is seen."""
    step, model, (variable, _) = stepping([])
    add = tf.function(lambda: variable.assign_add(ONES)).get_concrete_function()

    def both(x):
        add()
        return step(x)

    gradlint.check_step(both, X, models=[model])
    np.testing.assert_array_equal(np.array(variable), [1.0, 1.0, 1.0])


def test_what_is_no_variable_is_left_alone():
    """A table is a resource, too; a variable gets its first value from nobody who could want it back."""
    step, model, _ = stepping([])
    words, made = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1), []

    def both(x):
        words.insert(tf.constant(["a"]), tf.constant([1], tf.int64))
        made.append(tf.Variable([1.0], trainable=False))
        made[-1].assign([2.0])
        return step(x)

    gradlint.check_step(both, X, models=[model])
    assert int(words.lookup(tf.constant("a"))) == 1
    assert made
