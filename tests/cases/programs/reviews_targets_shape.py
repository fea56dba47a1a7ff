"""Labels in a row, and predictions in a column, in a squared error."""

from cases.common import twins
from cases.datasets import reviews, sequential
from keras import layers


def net(repaired):  # The mistake is in the sample.
    model = sequential(
        (20,),
        layers.Embedding(200, 8),
        layers.GlobalAveragePooling1D(),
        layers.Dense(1, activation="sigmoid", name="out"),
    )
    model.compile("adam", "mse")
    return model


def sample():
    words = reviews()
    return {**words, "y": words["y"].reshape(1, -1)}


def fixed_sample():
    return reviews()


build, fixed = twins(net)

FAULT = {"study": "NeuraLint", "kind": "shape", "where": "loss"}
