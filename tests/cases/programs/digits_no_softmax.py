"""A convolutional network whose last layer gives numbers where the loss wants probabilities."""

from cases.common import twins
from cases.datasets import digits, one_hot, scaled, sequential
from keras import layers


def net(repaired):
    model = sequential(
        (12, 12, 1),
        layers.Conv2D(8, 3, activation="relu", name="conv"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(10, activation="softmax" if repaired else None, name="out"),
    )
    model.compile("sgd", "categorical_crossentropy")
    return model


def sample():
    images = scaled(digits())
    return {**images, "y": one_hot(images["y"], 10)}


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "last activation", "where": "out"}
