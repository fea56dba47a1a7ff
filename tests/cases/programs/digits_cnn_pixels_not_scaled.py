"""A small convolutional network on pixels from 0 to 255."""

from cases.common import twins
from cases.datasets import digits, scaled, sequential, with_columns
from keras import layers


def net(repaired):  # The mistake is in the sample.
    model = sequential(
        (12, 12, 1),
        layers.Conv2D(16, 3, activation="relu", name="conv"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(32, activation="relu", name="h"),
        layers.Dense(10, activation="softmax", name="out"),
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return with_columns(digits())


def fixed_sample():
    return scaled(with_columns(digits()))


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "input scale", "where": "x"}
