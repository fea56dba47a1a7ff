"""Siamese verification with |a - b| and a sigmoid head."""

import keras
from cases.common import integers, normal, seeded
from keras import layers, ops


@seeded
def build():
    e = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(8, activation="relu", name="e1"),
            layers.Dense(4, activation="sigmoid", name="e2"),
        ],
        name="embed",
    )
    a, b = keras.Input((8,), name="anchor"), keras.Input((8,), name="other")
    model = keras.Model({"anchor": a, "other": b}, layers.Dense(1, activation="sigmoid")(ops.abs(e(a) - e(b))))
    model.compile("adam", "binary_crossentropy")
    return model


def sample():
    return {"anchor": normal(8, 8), "other": normal(8, 8, seed=1), "y": integers(2, 8).astype("float32")}


NOTES = {
    "family": "siamese",
    "why_hard": "labels (B,) against (B, 1): Keras repairs the rank for built-in losses",
    "legit_nongradient": [],
}
