"""Highway layers with carry bias -2."""

import keras
from cases.common import normal, seeded
from keras import layers


@seeded
def build():
    x = keras.Input((8,), name="x")
    h = x
    for i in range(6):
        t = layers.Dense(8, activation="sigmoid", bias_initializer=keras.initializers.Constant(-2.0), name=f"gate{i}")(
            h
        )
        h = t * layers.Dense(8, activation="relu", name=f"plain{i}")(h) + (1 - t) * h
    model = keras.Model({"x": x}, layers.Dense(1)(h))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(16, 8), "y": normal(16, 1)}


NOTES = {"family": "gating", "why_hard": "small gate activations", "legit_nongradient": []}
