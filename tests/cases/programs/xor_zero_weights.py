"""XOR with every kernel initialised to zero."""

import keras
from cases.common import twins
from cases.datasets import sequential, xor
from keras import layers


def net(repaired):
    start = "glorot_uniform" if repaired else "zeros"
    model = sequential(
        (2,),
        layers.Dense(8, activation="relu", kernel_initializer=start, name="h"),
        layers.Dense(1, activation="sigmoid", kernel_initializer=start, name="out"),
    )
    model.compile(keras.optimizers.SGD(0.5), "binary_crossentropy")
    return model


def sample():
    return xor()


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "initialisation", "where": "h"}
