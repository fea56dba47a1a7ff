"""A convolutional network without activations inside."""

from cases.common import twins
from cases.datasets import digits, scaled, sequential
from keras import layers


def net(repaired):
    kind = "relu" if repaired else None
    model = sequential(
        (12, 12, 1),
        layers.Conv2D(8, 3, activation=kind, name="conv"),
        layers.Conv2D(16, 3, activation=kind, name="conv2"),
        layers.AveragePooling2D(2),
        layers.Flatten(),
        layers.Dense(32, activation=kind, name="h"),
        layers.Dense(10, activation="softmax", name="out"),
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def sample():
    return scaled(digits())


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "missing activation", "where": "conv"}
