"""Dropout before batch normalization, whose statistics then differ between training and use."""

from cases.common import twins
from cases.datasets import digits, scaled, sequential
from keras import layers


def net(repaired):
    between = [layers.Dropout(0.5, name="dropout"), layers.BatchNormalization()]
    model = sequential(
        (144,),
        layers.Dense(32, name="h"),
        *(between[::-1] if repaired else between),
        layers.ReLU(),
        layers.Dense(10, activation="softmax", name="out"),
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def sample():
    return scaled(digits(flat=True))


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "design", "where": "dropout"}
