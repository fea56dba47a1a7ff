"""model.trainable = False left in: nothing can be trained."""

import keras
from cases.common import normal, twins
from keras import layers


def net(repaired):
    base = keras.Sequential(
        [keras.Input((6,)), layers.Dense(8, activation="relu", name="b1"), layers.Dense(4, name="b2")], name="backbone"
    )
    x = keras.Input((6,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1, name="head")(base(x)))
    (base if repaired else model).trainable = False
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 6), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {"category": "frozen", "culprit": {}, "why": "The whole model is frozen, head included."}
