"""A tf.Variable is created afresh in every call(), so it never learns."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="variable_created_in_call")


@register
class Scale(Twin):
    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1],), initializer="ones", name="w") if self.repaired else None

    def call(self, x):
        if self.repaired:
            return x * self.w
        w = tf.Variable(tf.ones((x.shape[-1],)), name="w")
        return x * w

    def compute_output_shape(self, shape):
        return shape


def net(repaired):
    x = keras.Input((5,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1, name="out")(Scale(repaired, name="scale")(x)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 5), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "disconnected_variable",
    "culprit": {"layer": "scale"},
    "why": "The variable is a local of call(): the model does not list it and the optimiser never sees it.",
}
