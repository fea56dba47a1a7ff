"""Per-sample peak position through tf.map_fn and argmax."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="map_fn_argmax")


@register
class Peak(Twin):
    def call(self, x):
        if self.repaired:
            return tf.reduce_sum(tf.nn.softmax(x) * tf.range(6.0), -1, keepdims=True)
        pos = tf.map_fn(lambda r: tf.cast(tf.argmax(r), tf.float32), x)
        return pos[:, None]

    def compute_output_shape(self, shape):
        return (shape[0], 1)


def net(repaired):
    x = keras.Input((6,), name="signal")
    h = layers.Dense(6, name="filter")(x)
    model = keras.Model({"signal": x}, layers.Dense(1, name="out")(Peak(repaired, name="peak")(h)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"signal": normal(4, 6), "y": normal(4, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "nondifferentiable_op",
    "culprit": {
        "input": "signal",
        "variable": "filter/kernel",
        "layer": "peak",
        "op": "ArgMax",
        "line": "pos = tf.map_fn(lambda r: tf.cast(tf.argmax(r), tf.float32), x)",
    },
    "why": "argmax inside map_fn; use a soft-argmax.",
}
