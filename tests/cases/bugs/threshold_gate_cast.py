"""A learned gate compared with 0.5 and cast to float."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="threshold_gate_cast")


@register
class Gate(Twin):
    def build(self, shape):
        self.g = layers.Dense(shape[-1], activation="sigmoid", name="gate")
        self.g.build(shape)

    def call(self, x):
        g = self.g(x)
        mask = g if self.repaired else tf.cast(g > 0.5, x.dtype)
        return x * mask


def net(repaired):
    x = keras.Input((6,), name="x")
    h = layers.Dense(6, name="fc")(x)
    model = keras.Model({"x": x}, layers.Dense(1, name="out")(Gate(repaired, name="select")(h)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 6), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "nondifferentiable_op",
    "culprit": {"variable": "gate/kernel", "layer": "select", "op": "Greater", "line": "tf.cast(g > 0.5, x.dtype)"},
    "why": "A comparison has no gradient: the gate network is never trained, although the rest is.",
}
