"""A softmax in every hidden layer."""

from cases.common import twins
from cases.datasets import digits, scaled, sequential
from keras import layers


def net(repaired):
    kind = "relu" if repaired else "softmax"
    model = sequential(
        (144,),
        layers.Dense(64, activation=kind, name="h"),
        layers.Dense(64, activation=kind, name="h2"),
        layers.Dense(10, activation="softmax", name="out"),
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def sample():
    return scaled(digits(flat=True))


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "hidden activation", "where": "h"}
