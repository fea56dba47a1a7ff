from __future__ import annotations

import keras
import numpy as np
import pytest
from flows import flow
from keras import layers, ops

import gradlint
from gradlint.passes.rows import rows_changed


def model_of(*lines):
    return flow("h(32,8) = MatMul x k @h", *lines, "-- loss", "loss() = Mean o", inputs=["x(32,8)"], variables=["k"])


CHANGED = model_of("r(49,4) = Reshape h shape @rows", "i(49,4) = Relu r @act", "o(49,1) = MatMul i k @out")
TWICE = model_of("r(16,16) = Reshape h shape @one", "s(8,32) = Reshape r shape @two", "o(8,1) = MatMul s k @out")
FOLDED = model_of("r(64,4) = Reshape h shape @fold", "s(32,8) = Reshape r shape @back", "o(32,1) = MatMul s k @out")


@pytest.mark.parametrize(
    ("subject", "expected"),
    [(CHANGED, ("rows", 32, 49)), (TWICE, ("one", 32, 16)), (FOLDED, None), (model_of("o(32,1) = Relu h @out"), None)],
)
def test_where_the_rows_change(subject, expected):
    found = rows_changed(subject, "out")
    assert (None if found is None else (subject.op(found[0]).layer, *found[1:])) == expected


def test_a_layer_that_made_nothing():
    assert rows_changed(CHANGED, "elsewhere") is None


def test_the_reshape_is_named_and_not_the_last_layer():
    x = keras.Input((14, 14, 1), name="x")
    h = layers.Conv2D(2, 1, activation="relu")(x)
    h = layers.Lambda(lambda t: ops.reshape(t, (-1, 256)), name="rows")(h)
    model = keras.Model(x, layers.Dense(1, activation="sigmoid", name="out")(h))
    model.compile("adam", "binary_crossentropy")
    x = np.random.default_rng(0).normal(size=(32, 14, 14, 1)).astype("float32")
    sample = {"x": x, "y": (np.arange(32) % 2)[:, None].astype("float32")}
    (finding,) = gradlint.check(model, sample).findings
    assert (finding.code, finding.cause.layer, finding.cause.op) == ("GL407", "rows", "Reshape")
    assert finding.message.startswith("layer 'rows' turns 32 rows into 49 (Reshape)")
    assert finding.inputs == ("x",)
