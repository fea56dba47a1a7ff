"""An embedding output exported without a loss."""

import keras
from cases.common import integers, normal, seeded
from keras import layers


@seeded
def build():
    x = keras.Input((8,), name="x")
    e = layers.Dense(4, activation="tanh", name="embedding")(layers.Dense(8, activation="relu")(x))
    model = keras.Model({"x": x}, {"cls": layers.Dense(3, activation="softmax", name="cls")(e), "embedding": e})
    model.compile("adam", {"cls": "sparse_categorical_crossentropy", "embedding": None})
    return model


def sample():
    return {"x": normal(8, 8), "y:cls": integers(3, 8)}


NOTES = {
    "family": "multi-output",
    "why_hard": "output without loss on purpose; no variable depends on it alone",
    "legit_nongradient": [],
}
