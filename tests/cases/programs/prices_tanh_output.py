"""Share prices around 150 out of a tanh."""

from cases.common import twins
from cases.datasets import prices, scaled, sequential, with_targets_scaled
from keras import layers


def net(repaired):
    model = sequential(
        (10, 1),
        layers.LSTM(16, name="lstm"),
        layers.Dense(1, activation=None if repaired else "tanh", name="out"),
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {**scaled(prices()), "y": prices()["y"]}


def fixed_sample():
    return with_targets_scaled(prices())


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "last activation", "where": "out"}
