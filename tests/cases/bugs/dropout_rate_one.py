"""Dropout(1.0): a keep probability passed where Keras wants the rate."""

import keras
from cases.common import normal, twins
from keras import layers


def net(repaired):
    x = keras.Input((6,), name="x")
    h = layers.Dropout(0.0 if repaired else 1.0, name="drop")(layers.Dense(8, activation="relu", name="fc")(x))
    model = keras.Model({"x": x}, layers.Dense(1, name="out")(h))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 6), "y": normal(8, 1)}


build, fixed = twins(net)

NEEDS_KERAS = (3, 14)  # earlier ones refuse to build it

EXPECT = {
    "category": "none_gradient",
    "culprit": {"input": "x", "variable": "fc/kernel"},
    "why": "Rate 1 drops everything: during training the output is a constant zero.",
}
