"""Good or bad reviews: a softmax over one unit, under mean squared error."""

from cases.common import twins
from cases.datasets import reviews, sequential
from keras import layers


def net(repaired):
    model = sequential(
        (20,),
        layers.Embedding(200, 8, name="words"),
        layers.GlobalAveragePooling1D(),
        layers.Dense(1, activation="sigmoid" if repaired else "softmax", name="out"),
    )
    model.compile("adam", "mse", metrics=["accuracy"])
    return model


def sample():
    return reviews()


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "last activation", "where": "out"}
