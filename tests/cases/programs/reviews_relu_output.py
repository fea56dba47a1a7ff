"""Good or bad reviews: a rectifier at the end of an LSTM."""

from cases.common import twins
from cases.datasets import reviews, sequential
from keras import layers


def net(repaired):
    model = sequential(
        (20,),
        layers.Embedding(200, 8, name="words"),
        layers.LSTM(8, name="lstm"),
        layers.Dense(1, activation="sigmoid" if repaired else "relu", name="out"),
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return reviews()


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "last activation", "where": "out"}
