"""StringLookup with multi_hot output."""

import keras
import numpy as np
from cases.common import normal, seeded
from keras import layers


@seeded
def build():
    s, x = keras.Input((3,), dtype="string", name="tags"), keras.Input((3,), name="x")
    e = layers.Dense(4, name="tagfc")(
        layers.StringLookup(vocabulary=["a", "b", "c", "d"], output_mode="multi_hot", name="lookup")(s)
    )
    model = keras.Model({"tags": s, "x": x}, layers.Dense(1)(layers.Concatenate()([e, x])))
    model.compile("adam", "mse")
    return model


def sample():
    return {"tags": np.array([["a", "b", "z"], ["c", "c", "a"], ["d", "a", "b"]]), "x": normal(3, 3), "y": normal(3, 1)}


NOTES = {"family": "preprocessing", "why_hard": "string input, multi-hot", "legit_nongradient": []}
