"""Normalization adapted on large raw values."""

import keras
from cases.common import generator, integers, seeded
from keras import layers


@seeded
def build():
    n = layers.Normalization(name="norm")
    n.adapt(generator(5).uniform(2000, 9000, (64, 4)).astype("float32"))
    x = keras.Input((4,), name="raw")
    model = keras.Model({"raw": x}, layers.Dense(1, activation="sigmoid")(layers.Dense(8, activation="sigmoid")(n(x))))
    model.compile("adam", "binary_crossentropy")
    return model


def sample():
    return {
        "raw": generator(1).uniform(2000, 9000, (12, 4)).astype("float32"),
        "y": integers(2, 12, 1).astype("float32"),
    }


NOTES = {
    "family": "preprocessing",
    "why_hard": "inputs in the thousands are normalised inside; input gradient is small (1/std)",
    "legit_nongradient": [],
}
