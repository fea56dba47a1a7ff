"""tf.nn.softmax(x, axis=0) normalises over the batch."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="softmax_over_batch_axis")


@register
class Gate(Twin):
    def call(self, x):
        return x * tf.nn.softmax(x, axis=-1 if self.repaired else 0)


def net(repaired):
    x = keras.Input((6,), name="x")
    model = keras.Model(
        {"x": x}, layers.Dense(2, name="out")(Gate(repaired, name="gate")(layers.Dense(6, name="fc")(x)))
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(6, 6), "y": normal(6, 2)}


build, fixed = twins(net)

EXPECT = {
    "category": "batch_mixing",
    "culprit": {
        "input": "x",
        "layer": "gate",
        "op": "Softmax",
        "line": "tf.nn.softmax(x, axis=-1 if self.repaired else 0)",
    },
    "why": "Axis 0 is the batch: each output depends on the other samples.",
}
