"""Third input of the dict is declared and never used."""

import keras
from cases.common import normal, twins
from keras import layers


def net(repaired):
    i = {k: keras.Input((4,), name=k) for k in ("user", "item", "context")}
    h = [layers.Dense(4, activation="relu", name="d_" + k)(i[k]) for k in (i if repaired else ("user", "item"))]
    model = keras.Model(i, layers.Dense(1, name="out")(layers.Concatenate(name="cat")(h)))
    model.compile("adam", "mse")
    return model


def sample():
    return {k: normal(8, 4, seed=n) for n, k in enumerate(("user", "item", "context"))} | {"y": normal(8, 1)}


build, fixed = twins(net)

NEEDS_KERAS = (3, 14)  # earlier ones refuse to build it

EXPECT = {"category": "disconnected_input", "culprit": {"input": "context"}, "why": "No tower reads 'context'."}
