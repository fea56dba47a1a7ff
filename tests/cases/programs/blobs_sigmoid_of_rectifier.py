"""Two activations in a row: a rectifier, and a sigmoid of it, which says a half and more."""

from cases.common import twins
from cases.datasets import as_column, blobs, sequential
from keras import layers


def net(repaired):
    model = sequential(
        (2,),
        layers.Dense(16, activation="relu", name="h"),
        layers.Dense(1, activation=None if repaired else "relu", name="out"),
        layers.Activation("sigmoid", name="squash"),
    )
    model.compile("adam", "binary_crossentropy")
    return model


def sample():
    return as_column(blobs())


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "last activation", "where": "squash"}
