"""Convolutions whose kernels all start at the same number."""

from cases.common import twins
from cases.datasets import digits, scaled, sequential
from keras import layers


def net(repaired):
    start = "glorot_uniform" if repaired else "ones"
    model = sequential(
        (12, 12, 1),
        layers.Conv2D(8, 3, activation="tanh", kernel_initializer=start, name="conv"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(10, activation="softmax", kernel_initializer=start, name="out"),
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def sample():
    return scaled(digits())


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "initialisation", "where": "conv"}
