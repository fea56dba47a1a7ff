"""BatchNormalization trained with a batch of one vector."""

import keras
from cases.common import normal, twins
from keras import layers


def net(repaired):
    x = keras.Input((6,), name="x")
    h = layers.BatchNormalization(name="bn")(layers.Dense(8, name="fc")(x))
    model = keras.Model({"x": x}, layers.Dense(1, name="out")(layers.ReLU(name="act")(h)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(1, 6), "y": normal(1, 1)}


def fixed_sample():
    return {"x": normal(8, 6), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "zero_gradient",
    "culprit": {"input": "x", "variable": "fc/kernel", "layer": "bn"},
    "why": "With one sample the batch mean is the sample itself: the output is beta, whatever x.",
}
