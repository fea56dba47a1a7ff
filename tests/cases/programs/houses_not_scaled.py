"""A housing table with columns up to 700."""

import keras
from cases.common import twins
from cases.datasets import houses, sequential, with_targets_scaled
from keras import layers


def net(repaired):  # The mistake is in the sample.
    model = sequential(
        (13,),
        layers.Dense(64, activation="relu", name="h"),
        layers.Dense(64, activation="relu", name="h2"),
        layers.Dense(1, name="out"),
    )
    model.compile(keras.optimizers.SGD(0.01), "mse", metrics=["mae"])
    return model


def sample():
    return houses()


def fixed_sample():
    return with_targets_scaled(houses())


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "input scale", "where": "x"}
