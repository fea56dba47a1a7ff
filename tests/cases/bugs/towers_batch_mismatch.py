"""Two inputs with different numbers of rows."""

import keras
from cases.common import normal, twins
from keras import layers


def net(repaired):
    a, b = keras.Input((4,), name="user"), keras.Input((3,), name="context")
    h = layers.Concatenate(name="cat")([layers.Dense(4, name="fu")(a), layers.Dense(4, name="fc")(b)])
    model = keras.Model({"user": a, "context": b}, layers.Dense(1, name="out")(h))
    model.compile("adam", "mse")
    return model


def sample():
    return {"user": normal(6, 4), "context": normal(5, 3), "y": normal(6, 1)}


def fixed_sample():
    return {"user": normal(6, 4), "context": normal(6, 3), "y": normal(6, 1)}


build, fixed = twins(net)

EXPECT = {"category": "shape_mismatch", "culprit": {"input": "context"}, "why": "6 rows against 5."}
