"""TimeDistributed CNN, then GRU."""

import keras
from cases.common import integers, normal, seeded
from keras import layers


@seeded
def build():
    x = keras.Input((3, 8, 8, 1), name="clip")
    f = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(4, 3, activation="relu"), layers.GlobalAveragePooling2D()], name="frame"
    )
    model = keras.Model(
        {"clip": x}, layers.Dense(3, activation="softmax")(layers.GRU(4)(layers.TimeDistributed(f, name="td")(x)))
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def sample():
    return {"clip": normal(2, 3, 8, 8, 1), "y": integers(3, 2)}


NOTES = {"family": "video", "why_hard": "the batch axis is folded with time and back", "legit_nongradient": []}
