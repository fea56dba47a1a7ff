"""A sine by layers without activation functions."""

from cases.common import twins
from cases.datasets import sequential, sine
from keras import layers


def net(repaired):
    kind = "tanh" if repaired else None
    model = sequential(
        (1,),
        layers.Dense(32, activation=kind, name="h"),
        layers.Dense(32, activation=kind, name="h2"),
        layers.Dense(1, name="out"),
    )
    model.compile("adam", "mse")
    return model


def sample():
    return sine()


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "missing activation", "where": "h"}
