"""Functional in functional in functional."""

import keras
from cases.common import normal, seeded
from keras import layers


@seeded
def build():
    i = keras.Input((6,), name="leaf_in")
    leaf = keras.Model(i, layers.Dense(6, activation="gelu", name="leaf_fc")(i), name="leaf")
    j = keras.Input((6,), name="mid_in")
    mid = keras.Model(j, layers.LayerNormalization(name="mid_ln")(leaf(j) + j), name="mid")
    k = keras.Input((6,), name="top_in")
    top = keras.Model(k, layers.Dense(4, name="top_fc")(mid(mid(k))), name="top")
    x, z = keras.Input((6,), name="x"), keras.Input((6,), name="z")
    model = keras.Model({"x": x, "z": z}, layers.Dense(1)(layers.Multiply()([top(x), top(z)])))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 6), "z": normal(8, 6, seed=1), "y": normal(8, 1)}


NOTES = {"family": "nested", "why_hard": "shared sub-models, three levels", "legit_nongradient": []}
