"""A rectifier behind a rectifier: the second changes nothing."""

from cases.common import twins
from cases.datasets import digits, scaled, sequential
from keras import layers


def net(repaired):
    model = sequential(
        (12, 12, 1),
        layers.Conv2D(8, 3, activation="relu", name="conv"),
        *(() if repaired else (layers.Activation("relu", name="again"),)),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(32, activation="relu", name="h"),
        layers.Dense(10, activation="softmax", name="out"),
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def sample():
    return scaled(digits())


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "design", "where": "again"}
