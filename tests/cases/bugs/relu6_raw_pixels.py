"""ReLU6 behind raw 0..255 pixels: all units above 6."""

import keras
import tensorflow as tf
from cases.common import generator, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="relu6_raw_pixels")


@register
class Act6(layers.Layer):
    def call(self, x):
        return tf.nn.relu6(x)


def net(repaired):
    x = keras.Input((6, 6, 1), name="pixels")
    h = layers.Conv2D(4, 3, kernel_initializer=keras.initializers.RandomUniform(0.1, 0.3, seed=1), name="conv")(x)
    model = keras.Model({"pixels": x}, layers.Dense(2, name="out")(layers.Flatten(name="flat")(Act6(name="act")(h))))
    model.compile("adam", "mse")
    return model


def sample():
    return {"pixels": generator().uniform(60, 255, (3, 6, 6, 1)).astype("float32"), "y": normal(3, 2)}


def fixed_sample():
    s = sample()
    s["pixels"] = s["pixels"] / 255
    return s


build, fixed = twins(net)

EXPECT = {
    "category": "zero_gradient",
    "culprit": {
        "input": "pixels",
        "variable": "conv/kernel",
        "layer": "act",
        "op": "Relu6",
        "line": "return tf.nn.relu6(x)",
    },
    "why": "relu6 is flat above 6.",
}
