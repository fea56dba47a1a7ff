"""Thirty relu layers with unit-variance kernels: gradients explode."""

import keras
from cases.common import normal, twins
from keras import layers


def net(repaired):
    x = keras.Input((16,), name="x")
    h = x
    for i in range(30):
        h = layers.Dense(
            16,
            activation="tanh" if repaired else "relu",
            kernel_initializer="glorot_uniform" if repaired else keras.initializers.RandomNormal(stddev=1.0, seed=i),
            name=f"fc{i:02d}",
        )(h)
    model = keras.Model({"x": x}, layers.Dense(1, name="out")(h))
    model.compile("sgd", "mae")
    return model


def sample():
    return {"x": normal(8, 16), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "exploding",
    "culprit": {"input": "x", "variable": "fc00/kernel"},
    "why": "Each layer multiplies the gradient by about sqrt(8).",
}
