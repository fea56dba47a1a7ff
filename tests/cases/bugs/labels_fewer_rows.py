"""One label too few."""

import keras
from cases.common import normal, twins
from keras import layers


def net(repaired):
    x = keras.Input((4,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1, name="out")(layers.Dense(4, activation="relu", name="h")(x)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(6, 4), "y": normal(5, 1)}


def fixed_sample():
    return {"x": normal(6, 4), "y": normal(6, 1)}


build, fixed = twins(net)

EXPECT = {"category": "shape_mismatch", "culprit": {}, "why": "6 predictions, 5 labels."}
