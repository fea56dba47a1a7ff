"""The sum of two numbers up to 1000 by gradient descent, which becomes NaN."""

import keras
from cases.common import twins
from cases.datasets import sequential, sums, with_targets_scaled
from keras import layers


def net(repaired):  # The mistake is in the sample.
    model = sequential(
        (2,),
        layers.Dense(8, activation="relu", name="h"),
        layers.Dense(1, name="out"),
    )
    model.compile(keras.optimizers.SGD(0.01), "mse")
    return model


def sample():
    return sums()


def fixed_sample():
    return with_targets_scaled(sums())


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "input scale", "where": "x"}
