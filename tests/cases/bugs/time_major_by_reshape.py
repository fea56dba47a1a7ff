"""Batch-major to time-major with reshape instead of transpose."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="time_major_by_reshape")


@register
class TimeMajorSum(Twin):
    def call(self, x):
        b, t, d = tf.shape(x)[0], x.shape[1], x.shape[2]
        z = tf.transpose(x, [1, 0, 2]) if self.repaired else tf.reshape(x, [t, b, d])
        w = tf.reshape(tf.range(1.0, t + 1.0), [t, 1, 1])
        return tf.reduce_sum(z * w, axis=0)

    def compute_output_shape(self, shape):
        return (shape[0], shape[2])


def net(repaired):
    x = keras.Input((5, 3), name="series")
    model = keras.Model(
        {"series": x},
        layers.Dense(1, name="out")(
            TimeMajorSum(repaired, name="time_major")(layers.Dense(3, activation="tanh", name="fc")(x))
        ),
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {"series": normal(4, 5, 3), "y": normal(4, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "batch_mixing",
    "culprit": {"input": "series", "layer": "time_major", "op": "Reshape", "line": "else tf.reshape(x, [t, b, d])"},
    "why": "Reshape keeps memory order: steps of different samples end up in the same column.",
}
