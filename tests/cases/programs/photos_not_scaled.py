"""Photos from 0 to 255, whose few convolutions end in one sigmoid that is always sure."""

from cases.common import twins
from cases.datasets import photos, scaled, sequential
from keras import layers


def net(repaired):  # The mistake is in the sample.
    model = sequential(
        (16, 16, 3),
        layers.Conv2D(16, 3, activation="relu", name="conv"),
        layers.Conv2D(16, 3, activation="relu", name="conv2"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(32, activation="relu", name="h"),
        layers.Dense(1, activation="sigmoid", name="out"),
    )
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return photos()


def fixed_sample():
    return scaled(photos())


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "input scale", "where": "x"}
