"""categorical_crossentropy with one sigmoid unit: the loss is 0 for every weight."""

import keras
from cases.common import integers, normal, twins
from keras import layers


def net(repaired):
    x = keras.Input((6,), name="x")
    model = keras.Model(
        {"x": x}, layers.Dense(1, activation="sigmoid", name="prob")(layers.Dense(8, activation="relu", name="h")(x))
    )
    model.compile("adam", "binary_crossentropy" if repaired else "categorical_crossentropy")
    return model


def sample():
    return {"x": normal(8, 6), "y": integers(2, 8, 1).astype("float32")}


build, fixed = twins(net)

EXPECT = {
    "category": "wrong_loss",
    "culprit": {"layer": "prob"},
    "why": "A softmax over one class: the loss is 0 whatever it says, and the gradient only pushes down.",
}
