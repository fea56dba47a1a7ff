"""Prices from 5 to 50 out of a sigmoid."""

from cases.common import twins
from cases.datasets import houses, scaled, sequential
from keras import layers


def net(repaired):
    model = sequential(
        (13,),
        layers.Dense(32, activation="relu", name="h"),
        layers.Dense(1, activation=None if repaired else "sigmoid", name="out"),
    )
    model.compile("adam", "mse", metrics=["mae"])
    return model


def sample():
    return scaled(houses())


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "last activation", "where": "out"}
