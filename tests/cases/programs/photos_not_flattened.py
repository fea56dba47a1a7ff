"""A dense layer on an image that was not flattened."""

from cases.common import twins
from cases.datasets import photos, sequential
from keras import layers


def net(repaired):
    flat = [layers.Flatten()] if repaired else []
    model = sequential(
        (16, 16, 3),
        layers.Rescaling(1 / 255),
        layers.Conv2D(8, 3, activation="relu", name="conv"),
        *flat,
        layers.Dense(1, activation="sigmoid", name="out"),
    )
    model.compile("adam", "binary_crossentropy")
    return model


def sample():
    return photos()


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "shape", "where": "out"}
