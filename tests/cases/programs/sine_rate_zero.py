"""A schedule whose rate is zero from the start."""

import keras
from cases.common import twins
from cases.datasets import sequential, sine
from keras import layers


def net(repaired):
    start = 0.01 if repaired else 0.0
    model = sequential(
        (1,),
        layers.Dense(32, activation="tanh", name="h"),
        layers.Dense(1, name="out"),
    )
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(start, 100, 0.9)), "mse")
    return model


def sample():
    return sine()


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "learning rate", "where": "optimizer"}
