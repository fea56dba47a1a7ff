"""Sample weights of zero for half the batch."""

import keras
import numpy as np
from cases.common import normal, seeded
from keras import layers


@seeded
def build():
    x = keras.Input((6,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1)(layers.Dense(8, activation="tanh")(x)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 6), "y": normal(8, 1), "sample_weight": np.array([1, 0] * 4, "float32")}


NOTES = {"family": "data", "why_hard": "four of eight rows have zero gradient", "legit_nongradient": []}
