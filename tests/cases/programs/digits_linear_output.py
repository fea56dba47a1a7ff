"""Ten classes without an activation at the end, under a loss that expects probabilities."""

from cases.common import twins
from cases.datasets import digits, scaled, sequential
from keras import layers


def net(repaired):
    model = sequential(
        (144,),
        layers.Dense(64, activation="relu", name="h"),
        layers.Dense(10, activation="softmax" if repaired else None, name="out"),
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return scaled(digits(flat=True))


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "last activation", "where": "out"}
