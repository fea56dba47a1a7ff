"""One feature of the sample is NaN (a missing value of the CSV)."""

import keras
import numpy as np
from cases.common import normal, twins
from keras import layers


def net(repaired):
    a, b = keras.Input((4,), name="numeric"), keras.Input((3,), name="flags")
    h = layers.Concatenate(name="cat")([layers.Dense(4, activation="relu", name="num_fc")(a), b])
    model = keras.Model({"numeric": a, "flags": b}, layers.Dense(1, name="out")(h))
    model.compile("adam", "mse")
    return model


def sample():
    x = normal(8, 4)
    x[3, 2] = np.nan
    return {"numeric": x, "flags": normal(8, 3), "y": normal(8, 1)}


def fixed_sample():
    return {"numeric": normal(8, 4), "flags": normal(8, 3), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "nonfinite_gradient",
    "culprit": {"input": "numeric"},
    "why": "A NaN in the data makes the loss and every gradient NaN.",
}
