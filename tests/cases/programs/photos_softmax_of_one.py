"""Cats or dogs with a softmax over one unit."""

from cases.common import twins
from cases.datasets import photos, sequential
from keras import layers


def net(repaired):
    model = sequential(
        (16, 16, 3),
        layers.Rescaling(1 / 255),
        layers.Conv2D(8, 3, activation="relu", name="conv"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(16, activation="relu", name="h"),
        layers.Dense(1, activation="sigmoid" if repaired else "softmax", name="out"),
    )
    model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return photos()


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "last activation", "where": "out"}
