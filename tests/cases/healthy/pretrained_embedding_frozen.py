"""Frozen word vectors and trainable head."""

import keras
from cases.common import integers, seeded
from keras import layers


@seeded
def build():
    t = keras.Input((6,), dtype="int32", name="tokens")
    e = layers.Embedding(20, 5, embeddings_initializer="random_normal", mask_zero=True, trainable=False, name="glove")(
        t
    )
    model = keras.Model({"tokens": t}, layers.Dense(1, activation="sigmoid")(layers.LSTM(4)(e)))
    model.compile("adam", "binary_crossentropy")
    return model


def sample():
    t = integers(20, 5, 6, lo=1)
    t[:, 4:] = 0
    return {"tokens": t, "y": integers(2, 5).astype("float32")}


NOTES = {
    "family": "transfer",
    "why_hard": "integer input, frozen first layer: no float input and no trainable variable before the LSTM",
    "legit_nongradient": [],
}
