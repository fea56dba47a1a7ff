"""All kernels initialised with zeros: the hidden layer can never start."""

import keras
from cases.common import normal, twins
from keras import layers


def net(repaired):
    k = "glorot_uniform" if repaired else "zeros"
    x = keras.Input((6,), name="x")
    h = layers.Dense(8, activation="tanh", kernel_initializer=k, name="h1")(x)
    h = layers.Dense(8, activation="tanh", kernel_initializer=k, name="h2")(h)
    model = keras.Model({"x": x}, layers.Dense(1, kernel_initializer=k, name="out")(h))
    model.compile("sgd", "mse")
    return model


def sample():
    return {"x": normal(16, 6), "y": normal(16, 1) + 1}


build, fixed = twins(net)

EXPECT = {
    "category": "zero_gradient",
    "culprit": {"input": "x", "variable": "h1/kernel"},
    "why": "With zero kernels and tanh(0) = 0 every kernel gradient is zero for ever; only the output bias learns.",
}
