"""An LSTM on share prices around 150, which predicts a constant."""

from cases.common import twins
from cases.datasets import prices, sequential, with_targets_scaled
from keras import layers


def net(repaired):  # The mistake is in the sample.
    model = sequential(
        (10, 1),
        layers.LSTM(16, name="lstm"),
        layers.Dense(1, name="out"),
    )
    model.compile("adam", "mse")
    return model


def sample():
    return prices()


def fixed_sample():
    return with_targets_scaled(prices())


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "input scale", "where": "x"}
