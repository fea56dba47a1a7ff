"""A softmax behind a softmax."""

from cases.common import twins
from cases.datasets import blobs, sequential
from keras import layers


def net(repaired):
    model = sequential(
        (2,),
        layers.Dense(16, activation="relu", name="h"),
        layers.Dense(3, activation=None if repaired else "softmax", name="first"),
        layers.Activation("softmax", name="out"),
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return blobs(classes=3)


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "last activation", "where": "out"}
