"""Cats or dogs: one sigmoid under categorical cross-entropy."""

from cases.common import twins
from cases.datasets import photos, sequential
from keras import layers


def net(repaired):
    model = sequential(
        (16, 16, 3),
        layers.Rescaling(1 / 255),
        layers.Conv2D(8, 3, activation="relu", name="conv"),
        layers.Flatten(),
        layers.Dense(1, activation="sigmoid", name="out"),
    )
    model.compile("adam", "binary_crossentropy" if repaired else "categorical_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return photos()


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "loss", "where": "loss"}
