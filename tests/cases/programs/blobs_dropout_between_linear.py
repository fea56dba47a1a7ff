"""A dropout where an activation function was meant."""

from cases.common import twins
from cases.datasets import as_column, blobs, sequential
from keras import layers


def net(repaired):
    model = sequential(
        (2,),
        layers.Dense(16, activation="relu" if repaired else None, name="h"),
        layers.Dropout(0.3),
        layers.Dense(1, activation="sigmoid", name="out"),
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return as_column(blobs())


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "missing activation", "where": "h"}
