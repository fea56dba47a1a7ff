"""A regression whose accuracy stays at zero."""

from cases.common import twins
from cases.datasets import houses, scaled, sequential
from keras import layers


def net(repaired):
    model = sequential(
        (13,),
        layers.Dense(32, activation="relu", name="h"),
        layers.Dense(1, name="out"),
    )
    model.compile("adam", "mse", metrics=["mae" if repaired else "accuracy"])
    return model


def sample():
    return scaled(houses())


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "metric", "where": "metric"}
