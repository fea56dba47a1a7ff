"""XOR with a softmax over a single unit: the output is 1 for every row."""

import keras
from cases.common import twins
from cases.datasets import sequential, xor
from keras import layers


def net(repaired):
    model = sequential(
        (2,),
        layers.Dense(8, activation="tanh", name="h"),
        layers.Dense(1, activation="sigmoid" if repaired else "softmax", name="out"),
    )
    model.compile(keras.optimizers.SGD(0.1), "binary_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return xor()


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "last activation", "where": "out"}
