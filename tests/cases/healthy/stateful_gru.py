"""Stateful GRU with a fixed batch size."""

import keras
from cases.common import normal, seeded
from keras import layers


@seeded
def build():
    x = keras.Input(batch_shape=(4, 5, 3), name="chunk")
    model = keras.Model({"chunk": x}, layers.Dense(1)(layers.GRU(4, stateful=True, name="gru")(x)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"chunk": normal(4, 5, 3), "y": normal(4, 1)}


NOTES = {
    "family": "recurrent",
    "why_hard": "state variables are assigned in call(): a second call gives other outputs",
    "legit_nongradient": [],
}
