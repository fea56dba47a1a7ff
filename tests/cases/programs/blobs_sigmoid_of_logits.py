"""A sigmoid under a loss that is told to expect logits, behind a reshape."""

import keras
from cases.common import twins
from cases.datasets import as_column, blobs, sequential
from keras import layers


def net(repaired):
    model = sequential(
        (2,),
        layers.Dense(16, activation="relu", name="h"),
        layers.Dense(1, activation=None if repaired else "sigmoid", name="out"),
        layers.Reshape((1,), name="flat"),
    )
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
    return model


def sample():
    return as_column(blobs())


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "loss", "where": "out"}
