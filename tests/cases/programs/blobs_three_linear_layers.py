"""Three dense layers without activation functions before the softmax."""

from cases.common import twins
from cases.datasets import blobs, sequential
from keras import layers


def net(repaired):
    kind = "relu" if repaired else None
    model = sequential(
        (2,),
        layers.Dense(16, activation=kind, name="h"),
        layers.Dense(16, activation=kind, name="h2"),
        layers.Dense(3, activation="softmax", name="out"),
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return blobs(classes=3)


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "missing activation", "where": "h"}
