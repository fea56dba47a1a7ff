"""A sigmoid behind a sigmoid."""

from cases.common import twins
from cases.datasets import as_column, blobs, sequential
from keras import layers


def net(repaired):
    model = sequential(
        (2,),
        layers.Dense(16, activation="relu", name="h"),
        layers.Dense(1, activation=None if repaired else "sigmoid", name="first"),
        layers.Activation("sigmoid", name="out"),
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return as_column(blobs())


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "last activation", "where": "out"}
