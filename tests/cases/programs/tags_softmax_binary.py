"""Several tags at once from a softmax under binary cross-entropy."""

from cases.common import twins
from cases.datasets import sequential, tags
from keras import layers


def net(repaired):
    model = sequential(
        (12,),
        layers.Dense(16, activation="relu", name="h"),
        layers.Dense(5, activation="sigmoid" if repaired else "softmax", name="out"),
    )
    model.compile("adam", "binary_crossentropy")
    return model


def sample():
    return tags()


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "last activation", "where": "out"}
