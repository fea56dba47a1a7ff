"""Attention logits divided by a temperature of 1e-5."""

import keras
import tensorflow as tf
from cases.common import normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="softmax_temperature_tiny")


@register
class Attn(layers.Layer):
    def __init__(self, t=1.0, **k):
        super().__init__(**k)
        self.t = t

    def get_config(self):
        return {**super().get_config(), "t": self.t}

    def build(self, shape):
        self.q = layers.Dense(4, name="query")
        self.q.build(shape)
        self.mem = self.add_weight(shape=(4, 5), name="memory", initializer="random_normal")
        self.val = self.add_weight(shape=(5, 3), name="values")

    def call(self, x):
        a = tf.nn.softmax(tf.matmul(self.q(x), self.mem) / self.t)
        return tf.matmul(a, self.val)


def net(repaired):
    x = keras.Input((6,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1, name="out")(Attn(1.0 if repaired else 1e-5, name="lookup")(x)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 6), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "saturation",
    "culprit": {
        "input": "x",
        "variable": "query/kernel",
        "layer": "lookup",
        "op": "Softmax",
        "line": "a = tf.nn.softmax(tf.matmul(self.q(x), self.mem) / self.t)",
    },
    "why": "The softmax is one-hot to the last bit, so nothing reaches query and memory.",
}
