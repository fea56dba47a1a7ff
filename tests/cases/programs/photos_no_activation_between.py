"""Convolutions without activation functions."""

from cases.common import twins
from cases.datasets import photos, sequential
from keras import layers


def net(repaired):
    kind = "relu" if repaired else None
    model = sequential(
        (16, 16, 3),
        layers.Rescaling(1 / 255),
        layers.Conv2D(16, 3, activation=kind, name="conv"),
        layers.Conv2D(16, 3, activation=kind, name="conv2"),
        layers.Flatten(),
        layers.Dense(1, activation="sigmoid", name="out"),
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return photos()


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "missing activation", "where": "conv"}
