"""Ten classes learned by mean squared error."""

from cases.common import twins
from cases.datasets import digits, scaled, sequential, with_columns
from keras import layers


def net(repaired):
    model = sequential(
        (144,),
        layers.Dense(64, activation="relu", name="h"),
        layers.Dense(10, activation="softmax", name="out"),
    )
    model.compile("sgd", "categorical_crossentropy" if repaired else "mse", metrics=["accuracy"])
    return model


def sample():
    return scaled(with_columns(digits(flat=True)))


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "loss", "where": "loss"}
