"""Softmax output under SparseCategoricalCrossentropy(from_logits=True)."""

import keras
from cases.common import integers, normal, twins
from keras import layers


def net(repaired):
    x = keras.Input((6,), name="x")
    h = layers.Dense(8, activation="relu", name="h")(x)
    model = keras.Model(
        {"x": x},
        layers.Reshape((4,), name="probs_out")(
            layers.Dense(4, activation=None if repaired else "softmax", name="probs")(h)
        ),
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def sample():
    return {"x": normal(8, 6), "y": integers(4, 8)}


build, fixed = twins(net)

EXPECT = {
    "category": "wrong_loss",
    "culprit": {"layer": "probs"},
    "why": "The loss applies a second softmax to probabilities: gradients are squeezed, and it cannot reach 0.",
}
