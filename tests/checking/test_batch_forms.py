"""The batch as a `train_step` gets it: what `check` hands over is what `fit` hands over, in every form."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import gradlint


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


A, B, Y, IDS = normal(4, 3), normal(4, 3)[::-1].copy(), normal(4, 1), np.arange(4, dtype="int32")


class Step(keras.Model):
    """Trains a layer on the first matrix of floats, wherever it is, and remembers what it was given."""

    def __init__(self):
        super().__init__()
        self.head, self.given = layers.Dense(1), []

    def call(self, x):
        return self.head(x)

    def train_step(self, data):
        self.given.append(form(data))
        matrices = [part for part in tf.nest.flatten(data) if part.dtype.is_floating and len(part.shape) == 2]
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self.head(matrices[0])))
        slopes = tape.gradient(loss, self.head.trainable_variables)
        self.optimizer.apply_gradients(zip(slopes, self.head.trainable_variables, strict=True))
        return {"loss": loss}


def form(data):
    if isinstance(data, dict):
        return {key: form(part) for key, part in data.items()}
    if isinstance(data, (tuple, list)):
        return type(data), *map(form, data)
    return tuple(data.shape), data.dtype.name, tf.is_tensor(data)


def step():
    model = Step()
    model.compile("sgd", run_eagerly=True)
    return model


ARGUMENTS = {
    "an array": (A,),
    "a dict": ({"left": A, "right": B},),
    "labels": (A, Y),
    "a dict and labels": ({"left": A, "right": B}, {"size": Y, "kind": IDS}),
    "a list": ([A, B],),
    "a list and labels": ([A, B], Y),
    "weights": (A, Y, np.ones(4, "float32")),
}
ELEMENTS = {
    "a tensor": A,
    "a dict with a label": {"image": A, "label": IDS},
    "a pair of a pair": ((A, B),),
    "two pairs": ((A, IDS), (B, IDS)),
    "two dicts": ({"a": A}, {"y": Y}),
    "four parts": (A, B, Y, IDS),
    "texts": (A, np.array(["a", "b", "c", "d"])),
    "rows of several lengths": (A, tf.ragged.constant([[1], [2, 3], [4], [5]])),
}


@pytest.mark.parametrize("arguments", ARGUMENTS.values(), ids=ARGUMENTS)
def test_arrays_come_as_fit_makes_batches_of_them(arguments):
    fitted, checked = step(), step()
    x, y, weights = (*arguments, None, None)[:3]
    fitted.fit(x, y, sample_weight=weights, batch_size=4, shuffle=False, verbose=0)
    sample = arguments if len(arguments) > 1 or isinstance(x, list) else x
    assert gradlint.check(checked, sample).failures == ()
    assert checked.given[0] == fitted.given[0]


@pytest.mark.parametrize("element", ELEMENTS.values(), ids=ELEMENTS)
def test_an_element_of_a_dataset_comes_as_it_is(element):
    data = tf.data.Dataset.from_tensors(element)
    fitted = step()
    fitted.fit(data, verbose=0)
    for sample in (data, next(iter(data))):
        checked = step()
        assert gradlint.check(checked, sample).failures == ()
        assert checked.given[0] == fitted.given[0]


FLOATS = ((4, 3), "float32", True)
LABELS = ((4, 1), "float32", True)
KEYS = {
    ("x/left", "x/right"): {"left": FLOATS, "right": FLOATS},
    ("x/left", "x/right", "y"): (tuple, {"left": FLOATS, "right": FLOATS}, LABELS),
    ("x/left", "y/out"): (tuple, {"left": FLOATS}, {"out": LABELS}),
    ("x/0", "x/1"): (tuple, (tuple, FLOATS, FLOATS)),
    ("0", "1"): (tuple, FLOATS, FLOATS),
    ("0/left", "0/right"): (tuple, {"left": FLOATS, "right": FLOATS}),
    ("0/0", "0/1", "1/a"): (tuple, (tuple, FLOATS, FLOATS), {"a": FLOATS}),
    ("left", "right"): {"left": FLOATS, "right": FLOATS},
    ("x",): FLOATS,
}


@pytest.mark.parametrize("keys", KEYS, ids=" ".join)
def test_keys_of_a_file_may_nest(keys, tmp_path):
    arrays = {key: Y if key.startswith("y") else A for key in keys}
    np.savez(tmp_path / "batch.npz", **arrays)
    for sample in (tmp_path / "batch.npz", arrays):
        checked = step()
        assert gradlint.check(checked, sample).failures == ()
        assert checked.given[0] == KEYS[keys]


@pytest.mark.parametrize("keys", [("x/left", "x/right", "y"), ("0/left", "0/right", "1"), ("left", "right", "y")])
def test_keys_nest_for_any_model(keys, tmp_path):
    left, right = keras.Input((3,), name="left"), keras.Input((3,), name="right")
    model = keras.Model({"left": left, "right": right}, layers.Dense(1)(layers.Concatenate()([left, right])))
    model.compile("sgd", "mse")
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "batch.npz", **{key: Y if key in ("y", "1") else A for key in keys})
    for target in (model, tmp_path / "model.keras"):
        result = gradlint.check(target, tmp_path / "batch.npz")
        assert result.findings == ()
        assert [entry.key for entry in result.inputs] == ["left", "right"]


class Pair(keras.Model):
    """Takes a tuple apart, and is never built: nothing says how its inputs are called."""

    def __init__(self):
        super().__init__()
        self.words, self.head = layers.Embedding(9, 3), layers.Dense(1)

    def call(self, pair):
        row, word = pair
        return self.head(layers.multiply([row, self.words(word)]))


@pytest.mark.parametrize("form", [lambda x, y: ((*x,), y), lambda x, y: ([*x], y)], ids=["tuple", "list"])
def test_a_model_that_names_no_inputs_gets_them_as_fit_hands_them_over(form):
    model = Pair()
    model.compile("sgd", "mse")
    result = gradlint.check(model, form((A, IDS), Y))
    assert result.findings == ()
    assert [entry.key for entry in result.inputs] == ["x/0", "x/1"]


MODULE = """
import keras, numpy as np, tensorflow as tf
from keras import layers
from tests.checking.test_batch_forms import A, IDS, Step, step as build

def pairs():
    return (A, IDS), (A, IDS)

def dataset():
    return tf.data.Dataset.from_tensors(pairs())
"""


@pytest.mark.parametrize("name", ["pairs", "dataset"])
def test_a_named_batch_comes_as_it_is_to_a_named_model(name, tmp_path, monkeypatch):
    (tmp_path / "of_pairs.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    result = gradlint.check("of_pairs.py:build", f"of_pairs.py:{name}")
    assert result.failures == ()
    assert result.sample.startswith("0/0, 0/1, 1/0, 1/1; ")


def test_a_check_that_fails_takes_no_input_from_a_model_that_was_never_built():
    class Weighted(keras.Model):
        def __init__(self):
            super().__init__()
            self.head, self.fails = layers.Dense(1), True

        def call(self, inputs):
            if self.fails:
                raise KeyError("not yet")
            self.add_loss(keras.ops.mean(keras.ops.square(self.head(inputs["rows"])) * inputs["sample_weight"]))
            return inputs["rows"]

    model = Weighted()
    model.compile("sgd")
    batch = {"rows": A, "sample_weight": np.ones((4, 1), "float32")}
    with pytest.raises(gradlint.ModelRunError):
        gradlint.check(model, batch)
    model.fails = False
    assert {entry.key for entry in gradlint.check(model, batch).inputs} == {"rows", "sample_weight"}
    assert np.isfinite(model.train_on_batch(batch))
