"""An autoencoder with a sigmoid at its end for standardised features."""

from cases.common import twins
from cases.datasets import scaled, sequential, tumours
from keras import layers


def net(repaired):
    model = sequential(
        (30,),
        layers.Dense(8, activation="relu", name="h"),
        layers.Dense(30, activation=None if repaired else "sigmoid", name="out"),
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {**scaled(tumours()), "y": scaled(tumours())["x"]}


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "last activation", "where": "out"}
