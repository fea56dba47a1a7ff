"""LayerNormalization over a single feature is constant."""

import keras
from cases.common import normal, twins
from keras import layers


def net(repaired):
    x = keras.Input((6,), name="x")
    h = layers.LayerNormalization(name="norm")(layers.Dense(8 if repaired else 1, name="score")(x))
    model = keras.Model({"x": x}, layers.Dense(1, name="out")(h))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 6), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "zero_gradient",
    "culprit": {"input": "x", "variable": "score/kernel", "layer": "norm"},
    "why": "One value minus its own mean is 0.",
}
