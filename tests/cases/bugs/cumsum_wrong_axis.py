"""tf.cumsum with the default axis 0 accumulates over the batch."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="cumsum_wrong_axis")


@register
class Cum(Twin):
    def call(self, x):
        return tf.cumsum(x, axis=1) if self.repaired else tf.cumsum(x)


def net(repaired):
    x = keras.Input((5, 2), name="flow")
    model = keras.Model(
        {"flow": x}, layers.Dense(1, name="out")(layers.Flatten(name="flat")(Cum(repaired, name="cum")(x)))
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {"flow": normal(4, 5, 2), "y": normal(4, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "batch_mixing",
    "culprit": {"input": "flow", "layer": "cum", "op": "Cumsum", "line": "else tf.cumsum(x)"},
    "why": "The default axis of tf.cumsum is the batch axis.",
}
