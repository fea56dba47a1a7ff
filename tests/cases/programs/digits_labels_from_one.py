"""Classes numbered from 1 to 10 for ten units."""

from cases.common import twins
from cases.datasets import digits, scaled, sequential
from keras import layers


def net(repaired):  # The mistake is in the sample.
    model = sequential(
        (144,),
        layers.Dense(32, activation="relu", name="h"),
        layers.Dense(10, activation="softmax", name="out"),
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def sample():
    return {**scaled(digits(flat=True)), "y": digits()["y"] + 1}


def fixed_sample():
    return scaled(digits(flat=True))


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "labels", "where": "loss"}
