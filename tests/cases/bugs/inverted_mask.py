"""The padding mask is applied inverted: valid steps are set to zero."""

import keras
import numpy as np
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="inverted_mask")


@register
class ApplyMask(Twin):
    def call(self, x, m):
        keep = m if self.repaired else 1.0 - m
        return x * keep[..., None]


def net(repaired):
    x, k = keras.Input((5, 3), name="tokens"), keras.Input((5,), name="mask")
    h = ApplyMask(repaired, name="apply_mask")(layers.Dense(4, activation="tanh", name="fc")(x), k)
    model = keras.Model(
        {"tokens": x, "mask": k}, layers.Dense(1, name="out")(layers.GlobalAveragePooling1D(name="pool")(h))
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {"tokens": normal(4, 5, 3), "mask": np.ones((4, 5), "float32"), "y": normal(4, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "zero_gradient",
    "culprit": {
        "input": "tokens",
        "variable": "fc/kernel",
        "layer": "apply_mask",
        "op": "Mul",
        "line": "return x * keep[..., None]",
    },
    "why": "1 - mask is zero for every valid token.",
}
