"""Thirty measurements up to 2500, two classes."""

from cases.common import twins
from cases.datasets import scaled, sequential, tumours
from keras import layers


def net(repaired):  # The mistake is in the sample.
    model = sequential(
        (30,),
        layers.Dense(16, activation="relu", name="h"),
        layers.Dense(1, activation="sigmoid", name="out"),
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return tumours()


def fixed_sample():
    return scaled(tumours())


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "input scale", "where": "x"}
