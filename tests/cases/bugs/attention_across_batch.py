"""Self-attention on (B, D) vectors: scores are (B, B)."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="attention_across_batch")


@register
class Attn(Twin):
    def build(self, shape):
        self.q, self.k = layers.Dense(4, name="q"), layers.Dense(4, name="k")
        self.q.build(shape)
        self.k.build(shape)

    def call(self, x):
        q, k = self.q(x), self.k(x)
        if self.repaired:
            return tf.nn.softmax(q * k) * x[:, :4]
        scores = tf.matmul(q, k, transpose_b=True)
        return tf.matmul(tf.nn.softmax(scores), x)[:, :4]


def net(repaired):
    x = keras.Input((6,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1, name="out")(Attn(repaired, name="attn")(x)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(5, 6), "y": normal(5, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "batch_mixing",
    "culprit": {"input": "x", "layer": "attn", "op": "MatMul", "line": "scores = tf.matmul(q, k, transpose_b=True)"},
    "why": "Without a time axis the attention runs over the samples of the batch.",
}
