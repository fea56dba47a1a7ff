"""Heading from atan2(dy, dx) for a point that does not move."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="atan2_origin")


@register
class Heading(Twin):
    def call(self, d):
        e = tf.where(tf.reduce_sum(tf.abs(d), -1, keepdims=True) > 0, d, tf.ones_like(d)) if self.repaired else d
        return tf.atan2(e[:, 1:], e[:, :1])


def net(repaired):
    x = keras.Input((2,), name="velocity")
    h = layers.Dense(2, use_bias=False, kernel_initializer="identity", name="rotate")(x)
    model = keras.Model({"velocity": x}, layers.Dense(1, name="out")(Heading(repaired, name="heading")(h)))
    model.compile("adam", "mse")
    return model


def sample():
    v = normal(6, 2)
    v[3] = 0
    return {"velocity": v, "y": normal(6, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "nonfinite_gradient",
    "culprit": {
        "input": "velocity",
        "variable": "rotate/kernel",
        "layer": "heading",
        "op": "Atan2",
        "line": "return tf.atan2(e[:, 1:], e[:, :1])",
    },
    "why": "The gradient of atan2 at the origin is 0/0.",
}
