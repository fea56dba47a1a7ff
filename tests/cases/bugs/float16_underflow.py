"""float16 layers behind two small scales: the gradient is zero in half precision only."""

import keras
import tensorflow as tf
from cases.common import normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="float16_underflow")


@register
class Down(layers.Layer):
    def call(self, x):
        return x * tf.cast(2e-4, x.dtype)


def net(repaired):
    d = "float32" if repaired else "mixed_float16"
    x = keras.Input((6,), name="x")
    h = layers.Dense(8, dtype=d, name="fc1")(x)
    h = Down(dtype=d, name="scale1")(h)
    h = Down(dtype=d, name="scale2")(layers.Dense(8, dtype=d, name="fc2")(h))
    model = keras.Model({"x": x}, layers.Dense(1, dtype="float32", name="out")(h))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 6), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "zero_gradient",
    "culprit": {"input": "x", "variable": "fc1/kernel"},
    "why": "4e-8 times the upstream gradient is below the smallest float16 number.",
}
