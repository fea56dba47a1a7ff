"""Pooling until one number is left of each channel, before the convolutions could look at anything."""

from cases.common import twins
from cases.datasets import digits, scaled, sequential
from keras import layers


def net(repaired):
    model = sequential(
        (12, 12, 1),
        layers.MaxPooling2D(2 if repaired else 12, name="pool"),
        layers.Conv2D(8, 3, padding="same", activation="relu", name="conv"),
        layers.Flatten(),
        layers.Dense(10, activation="softmax", name="out"),
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def sample():
    return scaled(digits())


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "design", "where": "pool"}
