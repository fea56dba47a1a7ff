"""Attention scores without transpose_b."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="attention_missing_transpose")


@register
class Attn(Twin):
    def build(self, shape):
        self.q, self.k = layers.Dense(4, name="q"), layers.Dense(4, name="k")
        self.q.build(shape)
        self.k.build(shape)

    def call(self, x):
        scores = tf.matmul(self.q(x), self.k(x), transpose_b=self.repaired)
        return tf.matmul(tf.nn.softmax(scores), x)

    def compute_output_shape(self, shape):
        return shape


def net(repaired):
    x = keras.Input((7, 3), name="seq")
    model = keras.Model(
        {"seq": x},
        layers.Dense(1, name="out")(layers.GlobalAveragePooling1D(name="pool")(Attn(repaired, name="attn")(x))),
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {"seq": normal(2, 7, 3), "y": normal(2, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "shape_mismatch",
    "culprit": {"layer": "attn", "line": "scores = tf.matmul(self.q(x), self.k(x), transpose_b=self.repaired)"},
    "why": "(2, 7, 4) @ (2, 7, 4) needs the second one transposed.",
}
