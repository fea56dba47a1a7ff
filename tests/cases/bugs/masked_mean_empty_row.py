"""Masked mean divides by the number of valid steps, which is 0 for one row."""

import keras
import numpy as np
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="masked_mean_empty_row")


@register
class MaskedMean(Twin):
    def call(self, x, m):
        n = tf.reduce_sum(m, axis=1, keepdims=True)
        if self.repaired:
            n = tf.maximum(n, 1.0)
        return tf.reduce_sum(x * m[..., None], axis=1) / n


def net(repaired):
    x, k = keras.Input((5, 3), name="tokens"), keras.Input((5,), name="valid")
    h = MaskedMean(repaired, name="mean")(layers.Dense(4, name="fc")(x), k)
    model = keras.Model({"tokens": x, "valid": k}, layers.Dense(1, name="out")(h))
    model.compile("adam", "mse")
    return model


def sample():
    v = np.ones((4, 5), "float32")
    v[1, 3:] = 0
    v[2] = 0
    return {"tokens": normal(4, 5, 3), "valid": v, "y": normal(4, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "nonfinite_gradient",
    "culprit": {
        "variable": "fc/kernel",
        "layer": "mean",
        "op": "RealDiv",
        "line": "return tf.reduce_sum(x * m[..., None], axis=1) / n",
    },
    "why": "0 / 0 for the fully masked row.",
}
