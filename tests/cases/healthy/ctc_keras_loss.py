"""keras.losses.CTC: integer labels (B, L) against logits (B, T, V)."""

import keras
import numpy as np
from cases.common import normal, seeded
from keras import layers


@seeded
def build():
    x = keras.Input((12, 4), name="audio")
    model = keras.Model(
        {"audio": x}, layers.Dense(6, name="logits")(layers.Bidirectional(layers.GRU(5, return_sequences=True))(x))
    )
    model.compile("adam", keras.losses.CTC())
    return model


def sample():
    return {"audio": normal(3, 12, 4), "y": np.array([[1, 2, 3], [2, 4, 0], [5, 0, 0]], "int32")}


NOTES = {"family": "speech", "why_hard": "ranks and lengths of labels and outputs differ", "legit_nongradient": []}
