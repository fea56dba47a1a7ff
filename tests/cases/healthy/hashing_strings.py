"""String ids through Hashing and Embedding."""

import keras
import numpy as np
from cases.common import normal, seeded
from keras import layers


@seeded
def build():
    s, x = keras.Input((1,), dtype="string", name="city"), keras.Input((3,), name="x")
    e = layers.Flatten()(layers.Embedding(16, 3, name="emb")(layers.Hashing(16, name="hash")(s)))
    model = keras.Model({"city": s, "x": x}, layers.Dense(1)(layers.Concatenate()([e, x])))
    model.compile("adam", "mse")
    return model


def sample():
    return {"city": np.array([["rome"], ["oslo"], ["lima"], ["bonn"]]), "x": normal(4, 3), "y": normal(4, 1)}


NOTES = {"family": "preprocessing", "why_hard": "string input", "legit_nongradient": []}
