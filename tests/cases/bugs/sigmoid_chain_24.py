"""Twenty-four sigmoid layers in a row: the gradient vanishes."""

import keras
from cases.common import normal, twins
from keras import layers


def net(repaired):
    x = keras.Input((8,), name="x")
    h = x
    for i in range(24):
        h = layers.Dense(
            8, activation="selu" if repaired else "sigmoid", kernel_initializer="lecun_normal", name=f"fc{i:02d}"
        )(h)
    model = keras.Model({"x": x}, layers.Dense(1, name="out")(h))
    model.compile("sgd", "mse")
    return model


def sample():
    return {"x": normal(16, 8), "y": normal(16, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "saturation",
    "culprit": {"input": "x", "variable": "fc00/kernel"},
    "why": "Each sigmoid multiplies the gradient by at most 1/4.",
}
