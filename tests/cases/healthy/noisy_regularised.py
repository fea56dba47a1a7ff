"""GaussianNoise, SpatialDropout, AlphaDropout, ActivityRegularization."""

import keras
from cases.common import normal, seeded
from keras import layers


@seeded
def build():
    x = keras.Input((10, 4), name="x")
    h = layers.SpatialDropout1D(0.3, seed=1)(
        layers.Conv1D(6, 3, activation="selu", name="conv")(layers.GaussianNoise(0.1, seed=2)(x))
    )
    h = layers.ActivityRegularization(l2=1e-3)(layers.AlphaDropout(0.1, seed=3)(h))
    model = keras.Model({"x": x}, layers.Dense(1, kernel_regularizer="l2")(layers.GlobalAveragePooling1D()(h)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(6, 10, 4), "y": normal(6, 1)}


NOTES = {"family": "regularisation", "why_hard": "random layers, add_loss", "legit_nongradient": []}
