"""Keras adds the missing last axis of (B, 12, 12) for Input (12, 12, 1) by itself."""

import keras
from cases.common import generator, integers, seeded
from keras import layers


@seeded
def build():
    x = keras.Input((12, 12, 1), name="digits")
    model = keras.Model(
        {"digits": x},
        layers.Dense(10, activation="softmax")(layers.Flatten()(layers.Conv2D(4, 3, strides=2, activation="relu")(x))),
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def sample():
    return {"digits": generator().uniform(size=(6, 12, 12)).astype("float32"), "y": integers(10, 6)}


NOTES = {
    "family": "input structure",
    "why_hard": "rank differs by one axis of size one, which Functional._adjust_input_rank repairs",
    "legit_nongradient": [],
}
