"""ReLU of minus a ReLU is always zero."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="relu_after_negation")


@register
class NegPart(Twin):
    def call(self, x):
        return tf.nn.relu(x) if self.repaired else tf.nn.relu(-x)


def net(repaired):
    x = keras.Input((6,), name="x")
    h = layers.Dense(8, activation="relu", name="fc")(x)
    model = keras.Model({"x": x}, layers.Dense(1, name="out")(NegPart(repaired, name="negpart")(h)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(16, 6), "y": normal(16, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "zero_gradient",
    "culprit": {"input": "x", "variable": "fc/kernel", "layer": "negpart", "op": "Relu", "line": "tf.nn.relu(-x)"},
    "why": "-relu(.) is never positive, so the second rectifier is dead for every sample.",
}
