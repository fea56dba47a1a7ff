"""Digits from 0 to 255 into a dense network: the loss starts huge."""

from cases.common import twins
from cases.datasets import digits, scaled, sequential
from keras import layers


def net(repaired):  # The mistake is in the sample.
    model = sequential(
        (144,),
        layers.Dense(64, activation="relu", name="h"),
        layers.Dense(32, activation="relu", name="h2"),
        layers.Dense(10, activation="softmax", name="out"),
    )
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return digits(flat=True)


def fixed_sample():
    return scaled(digits(flat=True))


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "input scale", "where": "x"}
