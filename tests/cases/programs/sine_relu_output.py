"""A sine out of a rectifier: its lower half cannot be reached."""

from cases.common import twins
from cases.datasets import sequential, sine
from keras import layers


def net(repaired):
    model = sequential(
        (1,),
        layers.Dense(32, activation="tanh", name="h"),
        layers.Dense(1, activation=None if repaired else "relu", name="out"),
    )
    model.compile("adam", "mse")
    return model


def sample():
    return sine()


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "last activation", "where": "out"}
