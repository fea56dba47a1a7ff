"""A learning rate of a billionth."""

import keras
from cases.common import twins
from cases.datasets import flowers, sequential
from keras import layers


def net(repaired):
    model = sequential(
        (4,),
        layers.Dense(8, activation="relu", name="h"),
        layers.Dense(3, activation="softmax", name="out"),
    )
    model.compile(keras.optimizers.SGD(0.01 if repaired else 1e-9), "sparse_categorical_crossentropy")
    return model


def sample():
    return flowers()


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "hyperparameter", "where": "optimizer"}
