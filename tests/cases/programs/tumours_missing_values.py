"""A table in which some measurements are missing."""

from cases.common import twins
from cases.datasets import scaled, sequential, tumours, with_holes
from keras import layers


def net(repaired):  # The mistake is in the sample.
    model = sequential(
        (30,),
        layers.Dense(16, activation="relu", name="h"),
        layers.Dense(1, activation="sigmoid", name="out"),
    )
    model.compile("adam", "binary_crossentropy")
    return model


def sample():
    return with_holes(scaled(tumours()))


def fixed_sample():
    return scaled(tumours())


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "data", "where": "x"}
