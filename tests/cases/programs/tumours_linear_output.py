"""Two classes, the last layer without its sigmoid."""

from cases.common import twins
from cases.datasets import scaled, sequential, tumours
from keras import layers


def net(repaired):
    model = sequential(
        (30,),
        layers.Dense(16, activation="relu", name="h"),
        layers.Dense(1, activation="sigmoid" if repaired else None, name="out"),
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return scaled(tumours())


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "last activation", "where": "out"}
