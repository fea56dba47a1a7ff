"""An autoencoder with a sigmoid at its end for pixels from 0 to 255."""

from cases.common import twins
from cases.datasets import digits, sequential
from keras import layers


def net(repaired):  # The mistake is in the sample.
    model = sequential(
        (144,),
        layers.Dense(16, activation="relu", name="h"),
        layers.Dense(144, activation="sigmoid", name="out"),
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {**digits(flat=True), "y": digits(flat=True)["x"]}


def fixed_sample():
    return {"x": digits(flat=True)["x"] / 255, "y": digits(flat=True)["x"] / 255}


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "input scale", "where": "out"}
