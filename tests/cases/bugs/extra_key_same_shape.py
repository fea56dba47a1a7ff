"""An extra key of the same shape sorts before the real input and silently replaces it."""

import keras
from cases.common import normal, twins
from keras import layers


def net(repaired):
    x = keras.Input((4,), name="features")
    model = keras.Model({"features": x}, layers.Dense(1, name="out")(layers.Dense(4, activation="tanh", name="h")(x)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"aux_features": normal(6, 4, seed=5), "features": normal(6, 4), "y": normal(6, 1)}


def fixed_sample():
    return {"features": normal(6, 4), "y": normal(6, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "unexpected_key",
    "culprit": {"input": "aux_features"},
    "why": "The dict has two keys where one is expected; Keras takes the first one.",
}
