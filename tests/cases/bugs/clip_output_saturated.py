"""The output is clipped to [0, 1] while it starts far outside."""

import keras
import tensorflow as tf
from cases.common import Twin, generator, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="clip_output_saturated")


@register
class Bound(Twin):
    def call(self, x):
        return tf.sigmoid(x - 12.0) if self.repaired else tf.clip_by_value(x, 0.0, 1.0)


def net(repaired):
    x = keras.Input((6,), name="x")
    h = layers.Dense(8, activation="tanh", name="fc")(x)
    h = layers.Dense(1, bias_initializer=keras.initializers.Constant(12.0), name="level")(h)
    model = keras.Model({"x": x}, Bound(repaired, name="bound")(h))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(16, 6), "y": generator().uniform(size=(16, 1)).astype("float32")}


build, fixed = twins(net)

EXPECT = {
    "category": "zero_gradient",
    "culprit": {
        "input": "x",
        "variable": "level/kernel",
        "layer": "bound",
        "op": "Minimum",
        "line": "tf.clip_by_value(x, 0.0, 1.0)",
    },
    "why": "Every value is above 1, where the clip is flat.",
}
