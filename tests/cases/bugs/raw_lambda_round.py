"""A Lambda layer with a raw Python lambda around tf.round."""

import keras
from cases.common import normal, twins
from keras import layers


def net(repaired):
    x = keras.Input((6,), name="x")
    h = layers.Dense(4, activation="sigmoid", name="fc")(x)
    h = (
        h
        if repaired
        else layers.Lambda(lambda t: __import__("tensorflow").round(t), output_shape=(4,), name="binarise")(h)
    )
    model = keras.Model({"x": x}, layers.Dense(1, name="out")(h))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 6), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "nondifferentiable_op",
    "culprit": {"input": "x", "variable": "fc/kernel", "layer": "binarise", "op": "Round"},
    "why": "round cuts the path.",
}
