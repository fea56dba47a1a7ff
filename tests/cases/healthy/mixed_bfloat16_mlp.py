"""mixed_bfloat16 layers with a float32 head."""

import keras
from cases.common import integers, normal, seeded
from keras import layers


@seeded
def build():
    d = "mixed_bfloat16"
    x = keras.Input((6,), name="x")
    h = layers.LayerNormalization(dtype=d)(layers.Dense(8, activation="gelu", dtype=d)(x))
    model = keras.Model(
        {"x": x}, layers.Dense(3, activation="softmax", dtype="float32")(layers.Dense(8, activation="relu", dtype=d)(h))
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def sample():
    return {"x": normal(16, 6), "y": integers(3, 16)}


NOTES = {"family": "precision", "why_hard": "casts between float types keep the gradient", "legit_nongradient": []}
