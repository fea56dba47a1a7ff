"""Three classes, two units under sparse categorical cross-entropy."""

from cases.common import twins
from cases.datasets import blobs, sequential
from keras import layers


def net(repaired):
    model = sequential(
        (2,),
        layers.Dense(16, activation="relu", name="h"),
        layers.Dense(3 if repaired else 2, activation="softmax", name="out"),
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return blobs(classes=3)


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "labels", "where": "loss"}
