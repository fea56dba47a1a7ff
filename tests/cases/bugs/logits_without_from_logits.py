"""Linear class scores under 'sparse_categorical_crossentropy' (probabilities expected)."""

import keras
from cases.common import integers, normal, twins
from keras import layers


def net(repaired):
    x = keras.Input((6,), name="x")
    h = layers.Dense(8, activation="relu", name="h")(x)
    model = keras.Model({"x": x}, layers.Dense(4, activation="softmax" if repaired else None, name="scores")(h))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def sample():
    return {"x": normal(8, 6), "y": integers(4, 8)}


build, fixed = twins(net)

EXPECT = {
    "category": "wrong_loss",
    "culprit": {"layer": "scores"},
    "why": "Raw scores are normalised and clipped as if they were probabilities.",
}
