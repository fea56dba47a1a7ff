"""Three classes in a softmax under binary cross-entropy."""

from cases.common import twins
from cases.datasets import flowers, sequential, with_columns
from keras import layers


def net(repaired):
    model = sequential(
        (4,),
        layers.Dense(8, activation="relu", name="h"),
        layers.Dense(3, activation="softmax", name="out"),
    )
    model.compile("adam", "categorical_crossentropy" if repaired else "binary_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return with_columns(flowers())


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "loss", "where": "loss"}
