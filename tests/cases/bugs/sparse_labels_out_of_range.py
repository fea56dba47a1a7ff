"""Labels 1..5 for a five-unit softmax."""

import keras
import numpy as np
from cases.common import normal, twins
from keras import layers


def net(repaired):
    x = keras.Input((6,), name="x")
    model = keras.Model(
        {"x": x}, layers.Dense(5, activation="softmax", name="probs")(layers.Dense(8, activation="relu", name="h")(x))
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def sample():
    return {"x": normal(10, 6), "y": np.tile(np.arange(1, 6), 2).astype("int32")}


def fixed_sample():
    return {"x": normal(10, 6), "y": np.tile(np.arange(5), 2).astype("int32")}


build, fixed = twins(net)

EXPECT = {
    "category": "index_out_of_range",
    "culprit": {},
    "why": "Label 5 does not exist for five units: an error on CPU, NaN on GPU.",
}
