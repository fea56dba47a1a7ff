"""Class numbers in a column under categorical cross-entropy."""

from cases.common import twins
from cases.datasets import as_column, digits, scaled, sequential, with_columns
from keras import layers


def net(repaired):  # The mistake is in the sample.
    model = sequential(
        (144,),
        layers.Dense(64, activation="relu", name="h"),
        layers.Dense(10, activation="softmax", name="out"),
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return scaled(as_column(digits(flat=True)))


def fixed_sample():
    return scaled(with_columns(digits(flat=True)))


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "labels", "where": "loss"}
