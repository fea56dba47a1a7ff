"""A reshape that counts the colour channels as rows."""

import keras
from cases.common import twins
from cases.datasets import photos, sequential
from keras import layers


def net(repaired):
    model = sequential(
        (16, 16, 3),
        layers.Rescaling(1 / 255),
        layers.Lambda(lambda x: keras.ops.reshape(x, (-1, 256 if not repaired else 768)), name="rows"),
        layers.Dense(8, activation="relu", name="h"),
        layers.Dense(1, activation="sigmoid", name="out"),
    )
    model.compile("adam", "binary_crossentropy")
    return model


def sample():
    return photos()


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "shape", "where": "rows"}
