"""Prices under binary cross-entropy."""

from cases.common import twins
from cases.datasets import houses, scaled, sequential
from keras import layers


def net(repaired):
    model = sequential(
        (13,),
        layers.Dense(32, activation="relu", name="h"),
        layers.Dense(1, activation=None if repaired else "sigmoid", name="out"),
    )
    model.compile("adam", "mse" if repaired else "binary_crossentropy")
    return model


def sample():
    return scaled(houses())


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "loss", "where": "loss"}
