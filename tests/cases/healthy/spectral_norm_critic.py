"""keras SpectralNormalization updates and assigns variables in call."""

import keras
import numpy as np
from cases.common import normal, seeded
from keras import layers


@seeded
def build():
    x = keras.Input((8, 8, 1), name="image")
    h = layers.LeakyReLU()(layers.SpectralNormalization(layers.Conv2D(4, 3, strides=2, name="conv"), name="sn1")(x))
    model = keras.Model(
        {"image": x}, layers.SpectralNormalization(layers.Dense(1, name="score"), name="sn2")(layers.Flatten()(h))
    )
    model.compile("adam", "hinge")
    return model


def sample():
    return {"image": normal(4, 8, 8, 1), "y": np.array([[1.0], [-1], [1], [1]], "float32")}


NOTES = {
    "family": "GAN",
    "why_hard": "power iteration with stop_gradient; the kernel variable itself is assigned inside call()",
    "legit_nongradient": [],
}
