"""Measurements between 0 and 300 into small dense layers."""

from cases.common import twins
from cases.datasets import patients, scaled, sequential
from keras import layers


def net(repaired):  # The mistake is in the sample.
    model = sequential(
        (8,),
        layers.Dense(12, activation="relu", name="h"),
        layers.Dense(8, activation="relu", name="h2"),
        layers.Dense(1, activation="sigmoid", name="out"),
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return patients()


def fixed_sample():
    return scaled(patients())


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "input scale", "where": "x"}
