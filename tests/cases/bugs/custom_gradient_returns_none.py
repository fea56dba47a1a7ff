"""A custom_gradient whose grad function returns None."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="custom_gradient_returns_none")


@tf.custom_gradient
def scaled(x):
    def grad(dy):
        return None

    return tf.identity(x) * 2.0, grad


@tf.custom_gradient
def scaled_ok(x):
    def grad(dy):
        return dy * 2.0

    return tf.identity(x) * 2.0, grad


@register
class Scaled(Twin):
    def call(self, x):
        return scaled_ok(x) if self.repaired else scaled(x)


def net(repaired):
    x = keras.Input((6,), name="x")
    model = keras.Model(
        {"x": x}, layers.Dense(1, name="out")(Scaled(repaired, name="scaled")(layers.Dense(8, name="fc")(x)))
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 6), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "none_gradient",
    "culprit": {"input": "x", "variable": "fc/kernel", "layer": "scaled"},
    "why": "The custom gradient returns None for its only input.",
}
