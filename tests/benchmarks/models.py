"""The models that are measured; `python -m tests.benchmarks.models FOLDER NAME` writes one with its sample."""

from __future__ import annotations

import contextlib
import json
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
from keras import layers

TOWERS = 128


def resnet() -> tuple[keras.Model, dict[str, np.ndarray]]:
    model = keras.applications.ResNet50(weights=None, input_shape=(224, 224, 3), classes=10)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model, {"x": _normal(2, 224, 224, 3), "y": np.array([1, 2], "int32")}


def transformer(depth: int = 12, width: int = 768, words: int = 30_522) -> tuple[keras.Model, dict[str, np.ndarray]]:
    """BERT-base, from Keras's own layers."""
    tokens = keras.Input((128,), dtype="int32", name="tokens")
    places = keras.ops.expand_dims(keras.ops.arange(128), 0)
    x = layers.Embedding(words, width)(tokens) + layers.Embedding(512, width)(places)
    x = layers.LayerNormalization()(x)
    for _ in range(depth):
        attended = layers.MultiHeadAttention(12, width // 12)(x, x)
        x = layers.LayerNormalization()(x + attended)
        inner = layers.Dense(4 * width, activation="gelu")(x)
        x = layers.LayerNormalization()(x + layers.Dense(width)(inner))
    model = keras.Model({"tokens": tokens}, layers.Dense(2)(x[:, 0]))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    ids = np.random.default_rng(0).integers(0, min(words, 30_000), (2, 128)).astype("int32")
    return model, {"tokens": ids, "y": np.array([0, 1], "int32")}


def towers() -> tuple[keras.Model, dict[str, np.ndarray]]:
    inputs = {f"k{n:03d}": keras.Input((16,), name=f"k{n:03d}") for n in range(TOWERS)}
    heads = []
    for key, x in inputs.items():
        for number in range(4):
            x = layers.Dense(32, activation="relu", name=f"{key}_{number}")(x)
        heads.append(x)
    model = keras.Model(inputs, layers.Dense(1)(layers.Concatenate()(heads)))
    model.compile("adam", "mse")
    return model, {key: _normal(8, 16, seed=n) for n, key in enumerate(inputs)} | {"y": np.ones((8, 1), "float32")}


def small() -> tuple[keras.Model, dict[str, np.ndarray]]:
    x = start = keras.Input((8,), name="x")
    for _ in range(2):
        x = layers.Dense(16, activation="relu")(x)
    model = keras.Model({"x": start}, layers.Dense(1)(x))
    model.compile("adam", "mse")
    return model, {"x": _normal(16, 8), "y": _normal(16, 1, seed=1)}


def with_inputs(number: int) -> tuple[keras.Model, dict[str, np.ndarray]]:
    inputs = {f"k{n:04d}": keras.Input((8,), name=f"k{n:04d}") for n in range(number)}
    heads = [layers.Dense(4, activation="tanh", name=f"tower_{key}")(x) for key, x in inputs.items()]
    joined = layers.Concatenate()(heads) if number > 1 else heads[0]
    model = keras.Model(inputs, layers.Dense(1)(joined))
    model.compile("adam", "mse")
    return model, {key: _normal(8, 8, seed=n) for n, key in enumerate(inputs)} | {"y": _normal(8, 1, seed=number)}


def lstm(steps: int = 500) -> tuple[keras.Model, dict[str, np.ndarray]]:
    x = keras.Input((steps, 16), name="x")
    model = keras.Model({"x": x}, layers.Dense(1)(layers.LSTM(32)(x)))
    model.compile("adam", "mse")
    return model, {"x": _normal(8, steps, 16), "y": np.ones((8, 1), "float32")}


def chain(depth: int) -> tuple[keras.Model, dict[str, np.ndarray]]:
    x = start = keras.Input((32,), name="x")
    for number in range(depth):
        x = layers.Dense(32, activation="tanh", name=f"d{number}")(x)
    model = keras.Model({"x": start}, layers.Dense(1)(x))
    model.compile("adam", "mse")
    return model, {"x": _normal(8, 32), "y": np.ones((8, 1), "float32")}


def giant(depth: int = 44, width: int = 6144, words: int = 50_304) -> tuple[keras.Model, dict[str, np.ndarray]]:
    """A decoder of 20.5 billion parameters, unless told."""
    tokens = keras.Input((2048,), dtype="int32", name="tokens")
    x = layers.Embedding(words, width)(tokens)
    for _ in range(depth):
        h = layers.LayerNormalization()(x)
        x = x + layers.MultiHeadAttention(64, width // 64)(h, h, use_causal_mask=True)
        h = layers.LayerNormalization()(x)
        x = x + layers.Dense(width)(layers.Dense(4 * width, activation="gelu")(h))
    model = keras.Model({"tokens": tokens}, layers.Dense(words)(layers.LayerNormalization()(x)))
    return model, {"tokens": np.zeros((4, 2048), "int32")}


def unused() -> tuple[keras.Model, dict[str, np.ndarray]]:
    """ResNet50 with an input that it forgets: preflight tells."""
    body = keras.applications.ResNet50(weights=None, input_shape=(224, 224, 3), classes=10)
    age = keras.Input((4,), name="age")
    model = keras.Model({"image": body.input, "age": age}, body.output)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model, {"image": _normal(2, 224, 224, 3), "age": _normal(2, 4), "y": np.array([1, 2], "int32")}


def _normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


MODELS = {
    "resnet": resnet,
    "transformer": transformer,
    "towers": towers,
    "lstm": lstm,
    "unused": unused,
    "giant": giant,
    "giant100": lambda: giant(depth=82, width=10_048),
    "small": small,
}
SIZED = {"chain": chain, "inputs": with_inputs, "steps": lstm}
"""Those that grow: their names end with the number of units."""


def model_of(name: str) -> tuple[keras.Model, dict[str, np.ndarray]]:
    """A model and its sample."""
    base = name.rstrip("0123456789")
    return SIZED[base](int(name.removeprefix(base))) if base in SIZED else MODELS[name]()


if __name__ == "__main__":
    sys.setrecursionlimit(50_000)  # Keras follows long chains by recursion
    folder, name = Path(sys.argv[1]), sys.argv[2]
    # The giant is written down without ever having weights; leaving the scope would allocate them.
    is_giant = name.startswith("giant")
    with keras.StatelessScope(initialize_variables=False) if is_giant else contextlib.nullcontext():
        made, sample = model_of(name)
    if is_giant:
        with zipfile.ZipFile(folder / f"{name}.keras", "w") as archive:
            archive.writestr("config.json", json.dumps(keras.saving.serialize_keras_object(made)))
            archive.writestr("metadata.json", json.dumps({"keras_version": keras.__version__}))
    else:
        made.save(folder / f"{name}.keras")
    np.savez(folder / f"{name}.npz", **sample)
