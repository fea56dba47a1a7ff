"""Sequential CNN for digits given without channel axis."""

import keras
from cases.common import generator, integers, seeded
from keras import layers


@seeded
def build():
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1), name="digits"),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.3, seed=1),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def sample():
    return {"digits": generator().uniform(0, 255, (6, 12, 12, 1)).astype("float32"), "y": integers(10, 6, 1)}


NOTES = {
    "family": "Sequential",
    "why_hard": "labels (B, 1) for sparse_categorical_crossentropy are fine",
    "legit_nongradient": [],
}
