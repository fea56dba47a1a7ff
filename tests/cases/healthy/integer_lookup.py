"""IntegerLookup with a vocabulary, one out-of-vocabulary id."""

import keras
import numpy as np
from cases.common import normal, seeded
from keras import layers


@seeded
def build():
    s, x = keras.Input((1,), dtype="int64", name="product"), keras.Input((3,), name="x")
    e = layers.Flatten()(
        layers.Embedding(6, 3, name="emb")(layers.IntegerLookup(vocabulary=[101, 205, 333, 999, 42], name="lookup")(s))
    )
    model = keras.Model({"product": s, "x": x}, layers.Dense(1)(layers.Concatenate()([e, x])))
    model.compile("adam", "mse")
    return model


def sample():
    return {"product": np.array([[101], [999], [7], [205]], "int64"), "x": normal(4, 3), "y": normal(4, 1)}


NOTES = {"family": "preprocessing", "why_hard": "hash table look-up, OOV", "legit_nongradient": []}
