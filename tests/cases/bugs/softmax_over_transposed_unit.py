"""Attention pooling whose softmax runs over the single unit of the score instead of over time."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers


@keras.saving.register_keras_serializable(package="softmax_over_transposed_unit")
class Pool(Twin):
    def build(self, shape):
        self.score = layers.Dense(1, name="score")
        self.score.build(shape)

    def call(self, x):
        scores = tf.transpose(self.score(x), [0, 2, 1])
        weights = keras.ops.softmax(scores, axis=-1 if self.repaired else 1)
        return tf.squeeze(tf.matmul(weights, x), 1)

    def compute_output_shape(self, shape):
        return shape[0], shape[-1]


def net(repaired):
    series = keras.Input((6, 4), name="series")
    model = keras.Model({"series": series}, layers.Dense(1, name="head")(Pool(repaired, name="pool")(series)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"series": normal(8, 6, 4), "y": normal(8, 1, seed=1)}


build, fixed = twins(net)

EXPECT = {
    "category": "zero_gradient",
    "culprit": {
        "variable": "score/kernel",
        "layer": "pool",
        "op": "Softmax",
        "line": "weights = keras.ops.softmax(scores, axis=-1 if self.repaired else 1)",
    },
    "why": "A softmax over one unit is 1: the mean over time with weights of one, and a score that never learns.",
}
