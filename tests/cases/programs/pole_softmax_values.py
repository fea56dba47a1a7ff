"""Values of actions out of a softmax."""

from cases.common import twins
from cases.datasets import pole, sequential
from keras import layers


def net(repaired):
    model = sequential(
        (4,),
        layers.Dense(24, activation="relu", name="h"),
        layers.Dense(2, activation=None if repaired else "softmax", name="out"),
    )
    model.compile("adam", "mse")
    return model


def sample():
    return pole()


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "last activation", "where": "out"}
