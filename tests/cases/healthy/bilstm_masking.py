"""Masking plus Bidirectional LSTM on padded sequences."""

import keras
from cases.common import normal, seeded
from keras import layers


@seeded
def build():
    x = keras.Input((6, 3), name="seq")
    h = layers.Bidirectional(layers.LSTM(4, return_sequences=True), name="bi")(layers.Masking(name="mask")(x))
    model = keras.Model({"seq": x}, layers.Dense(1)(layers.GlobalAveragePooling1D()(h)))
    model.compile("adam", "mse")
    return model


def sample():
    x = normal(4, 6, 3)
    x[1, 3:] = 0
    x[2, 1:] = 0
    x[:, 5:] = 0
    return {"seq": x, "y": normal(4, 1)}


NOTES = {
    "family": "recurrent",
    "why_hard": "the last step is padding in the whole sample: exactly zero gradient there",
    "legit_nongradient": [],
}
