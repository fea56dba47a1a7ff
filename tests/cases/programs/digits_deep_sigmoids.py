"""Ten layers of sigmoids: the first ones do not learn."""

from cases.common import twins
from cases.datasets import digits, scaled, sequential
from keras import layers


def net(repaired):
    kind = "relu" if repaired else "sigmoid"
    hidden = [layers.Dense(32, activation=kind, name=f"h{number}") for number in range(10)]
    model = sequential((144,), *hidden, layers.Dense(10, activation="softmax", name="out"))
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return scaled(digits(flat=True))


build, fixed = twins(net)

FAULT = {"study": "DeepLocalize", "kind": "hidden activation", "where": "h0"}
