"""Dict of losses forgets one output."""

import keras
import numpy as np
from cases.common import integers, normal, twins
from keras import layers


def net(repaired):
    x = keras.Input((6,), name="x")
    h = layers.Dense(8, activation="relu", name="trunk")(x)
    model = keras.Model(
        {"x": x},
        {
            "price": layers.Dense(1, name="price")(h),
            "risk": layers.Dense(3, activation="softmax", name="risk")(
                layers.Dense(4, activation="relu", name="risk_fc")(h)
            ),
        },
    )
    model.compile("adam", {"price": "mse", "risk": "categorical_crossentropy"} if repaired else {"price": "mse"})
    return model


def sample():
    return {"x": normal(8, 6), "y:price": normal(8, 1), "y:risk": np.eye(3, dtype="float32")[integers(3, 8)]}


build, fixed = twins(net)

EXPECT = {
    "category": "disconnected_variable",
    "culprit": {"variable": "risk_fc/kernel"},
    "why": "No loss reads the output 'risk'.",
}
