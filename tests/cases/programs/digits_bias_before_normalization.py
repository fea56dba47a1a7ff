"""A bias that the normalization behind it takes out again."""

from cases.common import twins
from cases.datasets import digits, scaled, sequential
from keras import layers


def net(repaired):
    model = sequential(
        (12, 12, 1),
        layers.Conv2D(8, 3, use_bias=not repaired, name="conv"),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Flatten(),
        layers.Dense(10, activation="softmax", name="out"),
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def sample():
    return scaled(digits())


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "design", "where": "conv"}
