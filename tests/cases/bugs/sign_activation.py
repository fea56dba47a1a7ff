"""tf.sign as activation: its registered gradient is zeros."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="sign_activation")


@register
class Sign(Twin):
    def call(self, x):
        return tf.tanh(x) if self.repaired else tf.sign(x)


def net(repaired):
    x = keras.Input((6,), name="x")
    h = Sign(repaired, name="binarise")(layers.Dense(8, name="latent")(x))
    model = keras.Model({"x": x}, layers.Dense(6, name="decode")(h))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 6), "y": normal(8, 6)}


build, fixed = twins(net)

EXPECT = {
    "category": "zero_gradient",
    "culprit": {"input": "x", "variable": "latent/kernel", "layer": "binarise", "op": "Sign", "line": "tf.sign(x)"},
    "why": "sign is flat almost everywhere; TF returns zeros, so nothing is reported as None.",
}
