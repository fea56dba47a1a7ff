"""tanh layer initialised with a standard deviation of 5000."""

import keras
import numpy as np
from cases.common import normal, twins
from keras import layers


def net(repaired):
    x = keras.Input((8,), name="x")
    h = layers.Dense(
        8,
        activation="tanh",
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.3 if repaired else 5000.0, seed=2),
        name="fc",
    )(x)
    model = keras.Model({"x": x}, layers.Dense(1, name="out")(h))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": np.sign(normal(8, 8)) * 2 + 0.3, "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "saturation",
    "culprit": {"input": "x", "variable": "fc/kernel", "layer": "fc", "op": "Tanh"},
    "why": "Pre-activations in the thousands: tanh is exactly +-1.",
}
