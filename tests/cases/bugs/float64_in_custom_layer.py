"""A float64 constant meets a float32 kernel inside call()."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="float64_in_custom_layer")


@register
class Project(Twin):
    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], 3), name="w")

    def call(self, x):
        z = (x if self.repaired else tf.cast(x, tf.float64)) * 0.5
        return tf.matmul(z, self.w)

    def compute_output_shape(self, shape):
        return (shape[0], 3)


def net(repaired):
    x = keras.Input((5,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1, name="out")(Project(repaired, name="project")(x)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(4, 5), "y": normal(4, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "dtype_mismatch",
    "culprit": {"layer": "project", "line": "return tf.matmul(z, self.w)"},
    "why": "TensorFlow does not promote float64 and float32.",
}
