"""Biases that start so far below zero that the rectifiers of a convolution are off."""

from cases.common import twins
from cases.datasets import digits, scaled, sequential
from keras import initializers, layers


def net(repaired):
    start = initializers.Constant(0.0 if repaired else -30.0)
    model = sequential(
        (12, 12, 1),
        layers.Conv2D(8, 3, activation="relu", bias_initializer=start, name="conv"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(10, activation="softmax", name="out"),
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def sample():
    return scaled(digits())


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "initialisation", "where": "conv"}
