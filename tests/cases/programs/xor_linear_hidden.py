"""XOR without a non-linear function in the hidden layer."""

import keras
from cases.common import twins
from cases.datasets import sequential, xor
from keras import layers


def net(repaired):
    model = sequential(
        (2,),
        layers.Dense(8, activation="tanh" if repaired else None, name="h"),
        layers.Dense(1, activation="sigmoid", name="out"),
    )
    model.compile(keras.optimizers.SGD(0.1), "mse", metrics=["accuracy"])
    return model


def sample():
    return xor()


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "missing activation", "where": "h"}
