"""Features centred with the mean over axis 0 inside the model, also at inference."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="batch_mean_subtracted")


@register
class Centre(Twin):
    def call(self, x):
        mu = tf.reduce_mean(x, axis=-1 if self.repaired else 0, keepdims=True)
        return x - mu


def net(repaired):
    x = keras.Input((6,), name="x")
    model = keras.Model(
        {"x": x},
        layers.Dense(2, name="out")(layers.Dense(6, activation="tanh", name="fc")(Centre(repaired, name="centre")(x))),
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(6, 6), "y": normal(6, 2)}


build, fixed = twins(net)

EXPECT = {
    "category": "batch_mixing",
    "culprit": {
        "input": "x",
        "layer": "centre",
        "op": "Mean",
        "line": "mu = tf.reduce_mean(x, axis=-1 if self.repaired else 0, keepdims=True)",
    },
    "why": "The mean over the batch makes each output depend on the other samples.",
}
