"""Data of the kinds that questions about failing trainings come with, made up, at their natural scales."""

import keras
import numpy as np
from cases.common import generator


def sequential(shape, *layers):
    """A Sequential model with the one input `x`."""
    return keras.Sequential([keras.Input(shape, name="x"), *layers])


def one_hot(labels, classes):
    return np.eye(classes, dtype="float32")[labels]


def xor():
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "float32")
    return {"x": x, "y": np.array([[0], [1], [1], [0]], "float32")}


def digits(rows=40, *, flat=False):
    """Grey images of ten classes, 12 x 12 x 1, from 0 to 255."""
    rng = generator(3)
    shapes = rng.random((10, 12, 12)) > 0.75
    labels = np.arange(rows) % 10
    ink = shapes[labels] * rng.uniform(150, 255, size=(rows, 12, 12)) + rng.uniform(0, 8, size=(rows, 12, 12))
    x = np.clip(ink, 0, 255).round().astype("float32")
    return {"x": x.reshape(rows, -1) if flat else x[..., None], "y": labels.astype("int32")}


def photos(rows=24):
    """Colour images of two classes, 16 x 16 x 3, from 0 to 255."""
    rng = generator(4)
    labels = np.arange(rows) % 2
    x = np.clip(rng.normal(110 + 40 * labels[:, None, None, None], 60, size=(rows, 16, 16, 3)), 0, 255)
    return {"x": x.round().astype("float32"), "y": labels[:, None].astype("float32")}


def flowers(rows=48):
    """Four lengths in centimetres, three classes."""
    rng = generator(5)
    labels = np.arange(rows) % 3
    centres = np.array([[5.0, 3.4, 1.5, 0.2], [5.9, 2.8, 4.3, 1.3], [6.6, 3.0, 5.6, 2.0]])
    return {"x": (centres[labels] + rng.normal(0, 0.3, (rows, 4))).astype("float32"), "y": labels.astype("int32")}


def patients(rows=48):
    """Eight measurements between 0 and 300, ill or not."""
    rng = generator(6)
    means, spreads = [3.8, 121, 69, 20, 80, 32, 0.47, 33], [3.4, 32, 19, 16, 115, 7.9, 0.33, 11.8]
    x = np.abs(rng.normal(means, spreads, size=(rows, 8)))
    y = (x[:, 1] + rng.normal(0, 15, rows) > 121).astype("float32")[:, None]
    return {"x": x.astype("float32"), "y": y}


def tumours(rows=48):
    """Thirty measurements from 0.01 to 2500, two classes."""
    rng = generator(7)
    scales = np.resize([14.0, 19.0, 92.0, 655.0, 0.1, 0.1, 0.09, 0.05, 0.18, 0.06], 30)
    labels = np.arange(rows) % 2
    x = scales * (1 + 0.25 * rng.normal(size=(rows, 30)) + 0.3 * labels[:, None])
    return {"x": np.abs(x).astype("float32"), "y": labels[:, None].astype("float32")}


def houses(rows=48):
    """Thirteen columns of a housing table, from 0 to 700, and prices from 5 to 50."""
    rng = generator(8)
    means = [3.6, 11, 11, 0.07, 0.55, 6.3, 68, 3.8, 9.5, 408, 18, 356, 12]
    spreads = [8.6, 23, 6.9, 0.25, 0.12, 0.7, 28, 2.1, 8.7, 168, 2.2, 91, 7]
    x = np.abs(rng.normal(means, spreads, size=(rows, 13)))
    y = np.clip(22 + 9 * (x[:, 5] - 6.3) - 0.5 * (x[:, 12] - 12) + rng.normal(0, 3, rows), 5, 50)[:, None]
    return {"x": x.astype("float32"), "y": y.astype("float32")}


def sine(rows=64):
    x = np.linspace(-3, 3, rows, dtype="float32")[:, None]
    return {"x": x, "y": np.sin(x)}


def squares(rows=64):
    """Numbers from -50 to 50 and their squares."""
    x = np.linspace(-50, 50, rows, dtype="float32")[:, None]
    return {"x": x, "y": x**2}


def sums(rows=64):
    """Two numbers from 0 to 1000 and their sum."""
    x = generator(9).integers(0, 1000, size=(rows, 2)).astype("float32")
    return {"x": x, "y": x.sum(axis=1, keepdims=True)}


def prices(rows=32, steps=10):
    """Windows of a share price around 150, and the next price."""
    series = 150 + np.cumsum(generator(10).normal(0, 1.5, rows + steps))
    x = np.stack([series[start : start + steps] for start in range(rows)])[..., None]
    return {"x": x.astype("float32"), "y": series[steps : steps + rows, None].astype("float32")}


def reviews(rows=32, words=20):
    """Word numbers below 200, good or bad."""
    rng = generator(11)
    return {
        "x": rng.integers(1, 200, size=(rows, words)).astype("int32"),
        "y": (np.arange(rows) % 2)[:, None].astype("float32"),
    }


def tags(rows=48):
    """Twelve features, and several of five tags at once."""
    rng = generator(12)
    x = rng.normal(size=(rows, 12)).astype("float32")
    return {"x": x, "y": (x[:, :5] + 0.3 * rng.normal(size=(rows, 5)) > 0).astype("float32")}


def blobs(rows=48, classes=2):
    """Two standardised features and a class."""
    rng = generator(13)
    labels = np.arange(rows) % classes
    angle = 2 * np.pi * labels / classes
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1) * 1.2 + 0.4 * rng.normal(size=(rows, 2))
    return {"x": x.astype("float32"), "y": labels.astype("int32")}


def pole(rows=32):
    """States of a cart and pole, and the values of its two actions, among them negative ones."""
    rng = generator(14)
    x = rng.normal(0, [1.0, 0.8, 0.1, 0.9], size=(rows, 4)).astype("float32")
    return {"x": x, "y": (3 * x @ rng.normal(size=(4, 2)) + rng.normal(size=(rows, 2))).astype("float32")}


def scaled(sample):
    """The sample with its features at mean 0 and deviation 1, columns of a table each by its own."""
    x = sample["x"]
    axes = 0 if x.ndim == 2 else None
    return {**sample, "x": ((x - x.mean(axis=axes)) / x.std(axis=axes)).astype("float32")}


def with_targets_scaled(sample):
    """The sample with features and targets at mean 0 and deviation 1."""
    y = sample["y"]
    return {**scaled(sample), "y": ((y - y.mean()) / y.std()).astype("float32")}


def with_columns(sample):
    """The labels as one-hot rows."""
    labels = sample["y"].reshape(-1).astype(int)
    return {**sample, "y": one_hot(labels, labels.max() + 1)}


def as_column(sample):
    """The labels as a column of floats."""
    return {**sample, "y": sample["y"].reshape(-1, 1).astype("float32")}


def with_holes(sample):
    """The sample with a few features missing."""
    x = sample["x"].copy()
    x[::7, 3] = np.nan
    return {**sample, "x": x}
