"""Adam with a learning rate of 1."""

import keras
from cases.common import twins
from cases.datasets import digits, scaled, sequential
from keras import layers


def net(repaired):
    model = sequential(
        (12, 12, 1),
        layers.Conv2D(8, 3, activation="relu", name="conv"),
        layers.Flatten(),
        layers.Dense(10, activation="softmax", name="out"),
    )
    model.compile(keras.optimizers.Adam(1e-3 if repaired else 1.0), "sparse_categorical_crossentropy")
    return model


def sample():
    return scaled(digits())


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "learning rate", "where": "optimizer"}
