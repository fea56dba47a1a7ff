"""Hand-written KL divergence y * log(y / p) with zeros in the soft labels."""

import keras
import numpy as np
import tensorflow as tf
from cases.common import integers, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="kl_manual_zero_targets")


@register
class KL(keras.losses.Loss):
    def __init__(self, repaired=False, name="kl", reduction="sum_over_batch_size", **k):
        super().__init__(name=name, reduction=reduction)
        self.repaired = repaired

    def get_config(self):
        return {**super().get_config(), "repaired": self.repaired}

    def call(self, y, p):
        if self.repaired:
            y = tf.clip_by_value(y, 1e-7, 1.0)
        return tf.reduce_sum(y * tf.math.log(y / p), axis=-1)


def net(repaired):
    x = keras.Input((6,), name="x")
    model = keras.Model({"x": x}, layers.Dense(3, activation="softmax", name="probs")(x))
    model.compile("adam", KL(repaired))
    return model


def sample():
    return {"x": normal(8, 6), "y": np.eye(3, dtype="float32")[integers(3, 8)]}


build, fixed = twins(net)

EXPECT = {
    "category": "nonfinite_gradient",
    "culprit": {"op": "Log", "line": "return tf.reduce_sum(y * tf.math.log(y / p), axis=-1)"},
    "why": "log(0) = -inf times 0 = NaN.",
}
