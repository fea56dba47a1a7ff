"""The sample lacks the padding mask the model takes."""

import keras
import numpy as np
from cases.common import normal, twins
from keras import layers


def net(repaired):
    x, k = keras.Input((5, 3), name="tokens"), keras.Input((5,), name="padding_mask")
    h = layers.GlobalAveragePooling1D(name="pool")(
        layers.Multiply(name="apply")([layers.Dense(4, name="fc")(x), layers.Reshape((5, 1), name="col")(k)])
    )
    model = keras.Model({"tokens": x, "padding_mask": k}, layers.Dense(1, name="out")(h))
    model.compile("adam", "mse")
    return model


def sample():
    return {"tokens": normal(4, 5, 3), "y": normal(4, 1)}


def fixed_sample():
    return sample() | {"padding_mask": np.ones((4, 5), "float32")}


build, fixed = twins(net)

EXPECT = {"category": "missing_key", "culprit": {"input": "padding_mask"}, "why": "No key 'padding_mask'."}
