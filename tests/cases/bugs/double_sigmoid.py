"""Average of two sigmoid heads under BinaryCrossentropy(from_logits=True)."""

import keras
from cases.common import integers, normal, twins
from keras import layers


def net(repaired):
    x = keras.Input((6,), name="x")
    h = layers.Dense(8, activation="relu", name="h")(x)
    model = keras.Model(
        {"x": x},
        layers.Average(name="prob")(
            [
                layers.Dense(1, activation="sigmoid", name="prob_a")(h),
                layers.Dense(1, activation="sigmoid", name="prob_b")(h),
            ]
        ),
    )
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=not repaired))
    return model


def sample():
    return {"x": normal(8, 6), "y": integers(2, 8, 1).astype("float32")}


build, fixed = twins(net)

EXPECT = {"category": "wrong_loss", "culprit": {"layer": "prob"}, "why": "The loss applies a second sigmoid."}
