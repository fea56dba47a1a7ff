"""Min-max scaling of a constant row inside the model."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="minmax_constant_row")


@register
class MinMax(Twin):
    def call(self, x):
        lo, hi = tf.reduce_min(x, -1, keepdims=True), tf.reduce_max(x, -1, keepdims=True)
        return (x - lo) / (hi - lo + (1e-6 if self.repaired else 0.0))


def net(repaired):
    x = keras.Input((6,), name="row")
    model = keras.Model({"row": x}, layers.Dense(1, name="out")(MinMax(repaired, name="minmax")(x)))
    model.compile("adam", "mse")
    return model


def sample():
    x = normal(6, 6)
    x[4] = 2.0
    return {"row": x, "y": normal(6, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "nonfinite_gradient",
    "culprit": {
        "input": "row",
        "variable": "out/kernel",
        "layer": "minmax",
        "op": "RealDiv",
        "line": "return (x - lo) / (hi - lo +",
    },
    "why": "hi - lo is 0 for the constant row.",
}
