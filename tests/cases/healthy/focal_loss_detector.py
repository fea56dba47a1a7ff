"""BinaryFocalCrossentropy with a prior bias of -4.6."""

import keras
import numpy as np
from cases.common import normal, seeded
from keras import layers


@seeded
def build():
    x = keras.Input((8, 8, 3), name="image")
    model = keras.Model(
        {"image": x},
        layers.Conv2D(2, 1, activation="sigmoid", bias_initializer=keras.initializers.Constant(-4.6), name="cls")(
            layers.Conv2D(4, 3, padding="same", activation="relu")(x)
        ),
    )
    model.compile("adam", keras.losses.BinaryFocalCrossentropy())
    return model


def sample():
    y = np.zeros((2, 8, 8, 2), "float32")
    y[0, 3, 3, 1] = 1
    return {"image": normal(2, 8, 8, 3), "y": y}


NOTES = {
    "family": "detection",
    "why_hard": "RetinaNet prior: sigmoid near 0 everywhere, focal weights make gradients small",
    "legit_nongradient": [],
}
