"""Residual branch whose last BatchNorm gamma is zero."""

import keras
from cases.common import normal, seeded
from keras import layers


@seeded
def build():
    x = keras.Input((6, 6, 4), name="x")
    h = layers.Conv2D(4, 3, padding="same", use_bias=False, name="stem")(x)
    b = layers.ReLU()(
        layers.BatchNormalization(name="bn1")(layers.Conv2D(4, 3, padding="same", use_bias=False, name="c1")(h))
    )
    b = layers.BatchNormalization(gamma_initializer="zeros", name="bn2")(
        layers.Conv2D(4, 3, padding="same", use_bias=False, name="c2")(b)
    )
    model = keras.Model({"x": x}, layers.Dense(2)(layers.GlobalAveragePooling2D()(layers.ReLU()(h + b))))
    model.compile("sgd", "mse")
    return model


def sample():
    return {"x": normal(4, 6, 6, 4), "y": normal(4, 2)}


NOTES = {
    "family": "initialisation",
    "why_hard": "zero gamma trick",
    "legit_nongradient": [{"what": "c[12]/|bn1/", "kind": "zero", "reason": "zero-gamma residual"}],
}
