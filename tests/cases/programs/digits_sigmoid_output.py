"""One class of ten with sigmoids under categorical cross-entropy."""

from cases.common import twins
from cases.datasets import digits, scaled, sequential, with_columns
from keras import layers


def net(repaired):
    model = sequential(
        (144,),
        layers.Dense(64, activation="relu", name="h"),
        layers.Dense(10, activation="softmax" if repaired else "sigmoid", name="out"),
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return scaled(with_columns(digits(flat=True)))


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "last activation", "where": "out"}
