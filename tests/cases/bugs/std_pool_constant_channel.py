"""Statistics pooling with reduce_std over a constant sequence."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="std_pool_constant_channel")


@register
class StatsPool(Twin):
    def call(self, x):
        s = tf.sqrt(tf.math.reduce_variance(x, axis=1) + 1e-5) if self.repaired else tf.math.reduce_std(x, axis=1)
        return tf.concat([tf.reduce_mean(x, axis=1), s], -1)

    def compute_output_shape(self, shape):
        return (shape[0], 2 * shape[2])


def net(repaired):
    x = keras.Input((7, 3), name="frames")
    h = layers.Dense(4, name="frame_fc")(x)
    model = keras.Model({"frames": x}, layers.Dense(1, name="out")(StatsPool(repaired, name="stats")(h)))
    model.compile("adam", "mse")
    return model


def sample():
    x = normal(4, 7, 3)
    x[2] = 0.5
    return {"frames": x, "y": normal(4, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "nonfinite_gradient",
    "culprit": {
        "input": "frames",
        "variable": "frame_fc/kernel",
        "layer": "stats",
        "op": "Sqrt",
        "line": "else tf.math.reduce_std(x, axis=1)",
    },
    "why": "The square root of a zero variance has no finite gradient.",
}
