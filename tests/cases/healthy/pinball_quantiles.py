"""Three quantiles against one target column: broadcasting on purpose."""

import keras
import tensorflow as tf
from cases.common import normal, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="pinball_quantiles")


@register
class Pinball(keras.losses.Loss):
    def __init__(self, name="pinball", reduction="sum_over_batch_size", **k):
        super().__init__(name=name, reduction=reduction)

    def call(self, y, p):
        q = tf.constant([0.1, 0.5, 0.9])
        e = y - p
        return tf.reduce_mean(tf.maximum(q * e, (q - 1) * e), -1)


@seeded
def build():
    x = keras.Input((5,), name="x")
    model = keras.Model({"x": x}, layers.Dense(3, name="quantiles")(layers.Dense(8, activation="relu")(x)))
    model.compile("adam", Pinball())
    return model


def sample():
    return {"x": normal(8, 5), "y": normal(8, 1)}


NOTES = {
    "family": "losses",
    "why_hard": "(B, 1) labels against (B, 3) quantiles is the definition of the loss",
    "legit_nongradient": [],
}
