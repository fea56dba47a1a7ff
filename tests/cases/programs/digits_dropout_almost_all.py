"""Dropout of 0.9 behind every layer."""

from cases.common import twins
from cases.datasets import digits, scaled, sequential
from keras import layers


def net(repaired):
    share = 0.2 if repaired else 0.9
    model = sequential(
        (144,),
        layers.Dense(64, activation="relu", name="h"),
        layers.Dropout(share),
        layers.Dense(64, activation="relu", name="h2"),
        layers.Dropout(share),
        layers.Dense(10, activation="softmax", name="out"),
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return scaled(digits(flat=True))


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "hyperparameter", "where": "dropout"}
