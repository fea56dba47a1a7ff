"""Kernels with a deviation of 30 before hyperbolic tangents."""

import keras
from cases.common import twins
from cases.datasets import as_column, blobs, sequential
from keras import layers


def net(repaired):
    start = keras.initializers.RandomNormal(stddev=0.3 if repaired else 30.0)
    model = sequential(
        (2,),
        layers.Dense(16, activation="tanh", kernel_initializer=start, name="h"),
        layers.Dense(16, activation="tanh", kernel_initializer=start, name="h2"),
        layers.Dense(1, activation="sigmoid", name="out"),
    )
    model.compile("adam", "binary_crossentropy")
    return model


def sample():
    return as_column(blobs())


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "initialisation", "where": "h"}
