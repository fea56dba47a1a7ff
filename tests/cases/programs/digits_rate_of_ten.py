"""Plain gradient descent with a learning rate of 10."""

import keras
from cases.common import twins
from cases.datasets import digits, scaled, sequential
from keras import layers


def net(repaired):
    model = sequential(
        (144,),
        layers.Dense(64, activation="relu", name="h"),
        layers.Dense(10, activation="softmax", name="out"),
    )
    model.compile(keras.optimizers.SGD(0.01 if repaired else 10.0), "sparse_categorical_crossentropy")
    return model


def sample():
    return scaled(digits(flat=True))


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "learning rate", "where": "optimizer"}
