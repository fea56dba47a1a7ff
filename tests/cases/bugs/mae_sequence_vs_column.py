"""Labels (B, 1) against a sequence output (B, 6, 1): built-in mae broadcasts silently."""

import keras
from cases.common import normal, twins
from keras import layers


def net(repaired):
    x = keras.Input((6, 3), name="series")
    h = layers.GRU(5, return_sequences=not repaired, name="gru")(x)
    model = keras.Model({"series": x}, layers.Dense(1, name="forecast")(h))
    model.compile("adam", "mae")
    return model


def sample():
    return {"series": normal(4, 6, 3), "y": normal(4, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "label_shape_broadcast",
    "culprit": {"layer": "forecast"},
    "why": "Predictions (4, 6, 1) lose the last axis to (4, 6) and the labels (4, 1) broadcast over the steps.",
}
