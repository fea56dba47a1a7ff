"""Integer class ids (B, 1) regressed with mse against five outputs."""

import keras
from cases.common import integers, normal, twins
from keras import layers


def net(repaired):
    x = keras.Input((6,), name="x")
    h = layers.Dense(8, activation="relu", name="h")(x)
    model = keras.Model({"x": x}, layers.Dense(5, activation="softmax", name="probs")(h))
    model.compile("adam", "sparse_categorical_crossentropy" if repaired else "mse")
    return model


def sample():
    return {"x": normal(8, 6), "y": integers(5, 8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "label_shape_broadcast",
    "culprit": {"layer": "probs"},
    "why": "mse broadcasts the (8, 1) ids over the five probabilities.",
}
