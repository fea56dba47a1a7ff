"""Attention scores (B, T, 1) normalised over the last axis, which has size 1."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="attention_softmax_last_axis_one")


@register
class Attn(Twin):
    def build(self, shape):
        self.s = layers.Dense(1, name="score")
        self.s.build(shape)

    def call(self, x):
        a = tf.nn.softmax(self.s(x), axis=1 if self.repaired else -1)
        return tf.reduce_sum(a * x, axis=1)

    def compute_output_shape(self, shape):
        return (shape[0], shape[2])


def net(repaired):
    x = keras.Input((6, 4), name="seq")
    model = keras.Model(
        {"seq": x},
        layers.Dense(1, name="out")(
            Attn(repaired, name="attention")(layers.GRU(4, return_sequences=True, name="gru")(x))
        ),
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {"seq": normal(4, 6, 4), "y": normal(4, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "zero_gradient",
    "culprit": {
        "variable": "score/kernel",
        "layer": "attention",
        "op": "Softmax",
        "line": "a = tf.nn.softmax(self.s(x), axis=1 if self.repaired else -1)",
    },
    "why": "Softmax over one element is 1: every step has weight 1 and the scorer learns nothing.",
}
