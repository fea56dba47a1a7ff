"""Inputs and labels of every kind."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from keras import ops as kops
from recorded import normal, recorded, runner, states, the_input

from gradlint.record.subject import Probe


def test_ragged():
    class Pool(layers.Layer):
        def call(self, x):
            return tf.reduce_mean(x, axis=1)

        def compute_output_shape(self, shape):
            return (shape[0], shape[-1])

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.pool, self.head = Pool(name="pool"), layers.Dense(1, name="head")

        def call(self, x):
            return self.head(self.pool(x))

    rows = tf.RaggedTensor.from_row_lengths(normal(6, 3), [1, 2, 3])
    model = Model()
    model(rows)
    seen = recorded(model, {"x": rows})
    assert set(states(seen).values()) == {"finite"}
    assert the_input(seen, "x").shape == (6, 3)


def test_ragged_ids():
    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.table, self.head = layers.Embedding(7, 3, name="table"), layers.Dense(1, name="head")

        def call(self, ids):
            embedded = tf.ragged.map_flat_values(self.table, ids)
            return self.head(tf.reduce_mean(embedded, axis=1))

    ids = tf.ragged.constant([[1, 2], [3], [4, 5, 6]])
    model = Model()
    model(ids)
    found = states(recorded(model, {"x": ids}))
    assert found.pop("x") == "n/a"
    assert set(found.values()) == {"finite"}


def test_sparse():
    x = keras.Input((5,), name="x", sparse=True)
    model = keras.Model({"x": x}, layers.Dense(1, name="head")(x))
    sparse = tf.sparse.from_dense(np.eye(4, 5, dtype="float32"))
    found = states(recorded(model, {"x": sparse}))
    assert found["head/kernel"] == "finite"


def test_strings():
    x = keras.Input((), dtype="string", name="word")
    ids = layers.StringLookup(vocabulary=["a", "b", "c"], name="lookup")(x)
    model = keras.Model({"word": x}, layers.Dense(1, name="head")(layers.Embedding(4, 3, name="table")(ids)))
    found = states(recorded(model, {"word": np.array(["a", "c", "z"])}))
    assert found.pop("word") == "n/a"
    assert set(found.values()) == {"finite"}


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "bool"])
def test_whole_numbers(dtype):
    x = keras.Input((5,), dtype=dtype, name="x")
    model = keras.Model({"x": x}, layers.Dense(1, name="head")(kops.cast(x, "float32")))
    found = states(recorded(model, {"x": np.ones((4, 5), dtype)}))
    assert found == {"x": "n/a", "head/kernel": "finite", "head/bias": "finite"}


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_of_every_width(dtype):
    x = keras.Input((5,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1, name="head")(x))
    assert set(states(recorded(model, {"x": np.ones((4, 5), dtype)})).values()) == {"finite"}


@pytest.mark.parametrize("given", [True, False])
def test_optional_input(given):
    x, extra = keras.Input((5,), name="x"), keras.Input((5,), name="extra", optional=True)

    class Maybe(layers.Layer):
        def call(self, x, extra=None):
            return x if extra is None else x + extra

        def compute_output_shape(self, x_shape, extra_shape=None):
            return x_shape

    model = keras.Model({"x": x, "extra": extra}, layers.Dense(1, name="head")(Maybe(name="maybe")(x, extra)))
    sample = {"x": normal(4, 5)} | ({"extra": normal(4, 5, seed=1)} if given else {})
    found = states(recorded(model, sample))
    assert set(found) == {"head/kernel", "head/bias", *sample}
    assert set(found.values()) == {"finite"}


def test_masks_from_an_embedding():
    ids = keras.Input((4,), dtype="int32", name="ids")
    embedded = layers.Embedding(9, 3, mask_zero=True, name="table")(ids)
    model = keras.Model({"ids": ids}, layers.Dense(1, name="head")(layers.LSTM(4, name="rnn")(embedded)))
    found = states(recorded(model, {"ids": np.array([[1, 2, 0, 0], [3, 4, 5, 0]])}))
    assert found.pop("ids") == "n/a"
    assert set(found.values()) == {"finite"}


def test_masking_layer():
    x = keras.Input((4, 3), name="x")
    model = keras.Model({"x": x}, layers.Dense(1, name="head")(layers.GRU(4, name="rnn")(layers.Masking()(x))))
    padded = normal(2, 4, 3)
    padded[:, 2:] = 0.0
    seen = recorded(model, {"x": padded})
    assert set(states(seen).values()) == {"finite"}
    assert the_input(seen, "x").used[0] == (True, True, False, False)


@pytest.mark.parametrize("nesting", ["dict", "list", "tuple", "nested"])
def test_nesting(nesting):
    a, b = keras.Input((5,), name="a"), keras.Input((5,), name="b")
    structure = {"dict": {"a": a, "b": b}, "list": [a, b], "tuple": (a, b), "nested": {"a": a, "more": [b]}}[nesting]
    model = keras.Model(structure, layers.Dense(1, name="head")(a * b))
    keys = {"nested": ("a", "more/0")}.get(nesting, ("a", "b"))
    found = states(recorded(model, {keys[0]: normal(4, 5), keys[1]: normal(4, 5, seed=1)}))
    assert set(found) == {*keys, "head/kernel", "head/bias"}
    assert set(found.values()) == {"finite"}


def test_used_slices():
    x = keras.Input((4, 3), name="x")
    model = keras.Model({"x": x}, layers.Dense(1, name="head")(x[:, 1:3, 0]))
    record = the_input(recorded(model, {"x": normal(2, 4, 3)}), "x")
    assert record.used == ((False, True, True, False), (True, False, False))


def test_probes_see_other_values_and_keep_whole_numbers():
    x, ids = keras.Input((5,), name="x"), keras.Input((1,), dtype="int32", name="ids")
    table = layers.Flatten()(layers.Embedding(9, 5, name="table")(ids))
    model = keras.Model({"x": x, "ids": ids}, layers.Dense(1, name="head")(x * table))
    run = runner(model, {"x": normal(4, 5), "ids": np.array([[1], [3], [5], [8]])})
    first, probe, again = run.record(), run.record(probe=Probe(0)), run.record(probe=Probe(0))
    assert probe == again
    assert probe.loss.value != first.loss.value
    assert states(probe) == states(first)


@pytest.mark.parametrize("rows", [0, 1])
def test_few_rows(rows):
    x = keras.Input((5,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1, name="head")(x))
    found = states(recorded(model, {"x": normal(rows, 5)}))
    assert set(found) == {"x", "head/kernel", "head/bias"}
