"""tf.where(x > 0, log(x), 0) on a learned positive value with exact zeros."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="single_where_log")


@register
class SafeLog(Twin):
    def call(self, x):
        if self.repaired:
            return tf.where(x > 0, tf.math.log(tf.where(x > 0, x, 1.0)), 0.0)
        return tf.where(x > 0, tf.math.log(x), 0.0)


def net(repaired):
    x = keras.Input((6,), name="counts")
    h = layers.Dense(6, activation="relu", name="fc")(x)
    model = keras.Model({"counts": x}, layers.Dense(1, name="out")(SafeLog(repaired, name="safelog")(h)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"counts": normal(8, 6), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "nonfinite_gradient",
    "culprit": {
        "input": "counts",
        "variable": "fc/kernel",
        "layer": "safelog",
        "op": "Log",
        "line": "return tf.where(x > 0, tf.math.log(x), 0.0)",
    },
    "why": "where() selects the value but the gradient of log at 0 is 0 * inf = NaN.",
}
