from __future__ import annotations

import keras
import pytest
from flows import call, flow, found, variable
from keras import layers

import gradlint
from gradlint.rules.gl208_linear_stack import RULE


def stack(*between, first="a/kernel(4,8)", second="b/kernel(8,4)", result="h", **options):
    """Two products with weights, and what lies between."""
    shapes = {name.partition("(")[0]: name.partition("(")[2].rstrip(")") for name in (first, second)}
    kernels = [variable(f"{path}({shape})", trainable=options.get("trainable", True)) for path, shape in shapes.items()]
    a, b = shapes
    return flow(
        f"h(8,8) = MatMul x {a} @a",
        *between,
        f"o = MatMul {result} {b} @b",
        *options.get("after", ()),
        "-- loss",
        "loss() = Mean o",
        inputs=["x"],
        variables=[*kernels, "bias(8)"],
        outputs=["o", *options.get("outputs", ())],
        calls=options.get("calls", ()),
    )


FIRES = {
    "bare": stack(),
    "bias": stack("i(8,8) = BiasAdd h bias", result="i"),
    "flattened": stack("i(8,8) = Reshape h shape", result="i"),
    "scaled": stack("i(8,8) = Mul h 2.0", result="i"),
    "dropout": stack("m(8,8) = RandomUniform seed", "i(8,8) = SelectV2 m h 0.0", result="i"),
}
QUIET = {
    "relu": stack("i(8,8) = Relu h", result="i"),
    "normalized by itself": stack("m(8,1) = Mean h axis", "i(8,8) = Sub h m", result="i"),
    "bottleneck": stack(first="a/kernel(4,2)", second="b/kernel(2,4)"),
    "used twice": stack(after=["p = Tanh h"]),
    "an output of its own": stack(outputs=["h"]),
    "joined with another branch": stack("i(8,8) = Tanh x", "j(8,8) = AddV2 h i", result="j"),
    "frozen": stack(trainable=False),
    "what another model gives": stack(calls=[call("a -> h", is_model=True)]),
    "gated": stack("g(8,8) = Sigmoid x", "i(8,8) = Mul h g", result="i"),
}


@pytest.mark.parametrize("subject", FIRES.values(), ids=FIRES)
def test_fires(subject):
    assert found(RULE, subject) == [("info", (), ("a/kernel", "b/kernel"), "a MatMul")]


@pytest.mark.parametrize("subject", QUIET.values(), ids=QUIET)
def test_is_quiet(subject):
    assert found(RULE, subject) == []


@pytest.mark.parametrize(
    ("parts", "count"),
    [
        ([layers.Dense(8), layers.Dense(6), layers.Dense(1)], 3),
        ([layers.Dense(8), layers.Dropout(0.5), layers.Dense(1)], 2),
        ([layers.Dense(8, "relu"), layers.Dense(1)], 0),
        ([layers.Dense(8), layers.LeakyReLU(), layers.Dense(1)], 0),
        ([layers.Dense(8), layers.LayerNormalization(), layers.Dense(1)], 0),
        ([layers.Dense(2), layers.Dense(6)], 0),
        ([layers.Reshape((6, 1)), layers.Conv1D(4, 3), layers.Flatten(), layers.Dense(1)], 2),
        ([layers.Reshape((6, 1)), layers.Conv1D(4, 3), layers.MaxPooling1D(), layers.Flatten(), layers.Dense(1)], 0),
        ([layers.Reshape((6, 1)), layers.Dense(4), layers.LSTM(4), layers.Dense(1)], 0),
        ([layers.Reshape((6, 1)), layers.Conv1D(8, 3), layers.Conv1D(8, 3, activation="relu")], 2),
        ([layers.Reshape((6, 1)), layers.Conv1D(8, 3), layers.Conv1D(8, 1, activation="relu")], 2),
        ([layers.Reshape((6, 1)), layers.Conv1D(8, 3), layers.Conv1D(8, 2, activation="relu")], 0),
        ([layers.Reshape((6, 1)), layers.Conv1D(8, 3), layers.DepthwiseConv1D(3, activation="relu")], 0),
        ([layers.Dense(8), layers.Dense(6, "relu"), layers.Dense(8), layers.Dense(1)], 4),
        ([layers.Reshape((6, 1)), layers.SeparableConv1D(4, 3, activation="relu"), layers.Flatten()], 0),
    ],
)
@pytest.mark.parametrize("depth", ["values", "structure"])
def test_of_a_live_model(parts, count, depth):
    model = keras.Sequential(
        [keras.Input((6,), name="x"), *[type(part).from_config(part.get_config()) for part in parts]]
    )
    findings = gradlint.check(model, select=["GL208"], depth=depth).findings
    assert [len(finding.variables) for finding in findings] == ([count] if count else [])
