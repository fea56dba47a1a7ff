"""Hidden units that all start with the same weights."""

import keras
from cases.common import twins
from cases.datasets import sequential, xor
from keras import layers


def net(repaired):
    start = "glorot_uniform" if repaired else "ones"
    model = sequential(
        (2,),
        layers.Dense(8, activation="tanh", kernel_initializer=start, name="h"),
        layers.Dense(1, activation="sigmoid", kernel_initializer=start, name="out"),
    )
    model.compile(keras.optimizers.SGD(0.1), "binary_crossentropy")
    return model


def sample():
    return xor()


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "initialisation", "where": "h"}
