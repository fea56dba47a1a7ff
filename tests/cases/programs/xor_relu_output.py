"""XOR with a rectifier as the output of a binary cross-entropy."""

from cases.common import twins
from cases.datasets import sequential, xor
from keras import layers


def net(repaired):
    model = sequential(
        (2,),
        layers.Dense(16, activation="relu", name="h"),
        layers.Dense(1, activation="sigmoid" if repaired else "relu", name="out"),
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return xor()


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "last activation", "where": "out"}
