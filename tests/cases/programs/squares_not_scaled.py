"""Squares up to 2500 by plain gradient descent."""

import keras
from cases.common import twins
from cases.datasets import sequential, squares, with_targets_scaled
from keras import layers


def net(repaired):  # The mistake is in the sample.
    model = sequential(
        (1,),
        layers.Dense(32, activation="relu", name="h"),
        layers.Dense(1, name="out"),
    )
    model.compile(keras.optimizers.SGD(0.01), "mse")
    return model


def sample():
    return squares()


def fixed_sample():
    return with_targets_scaled(squares())


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "input scale", "where": "x"}
