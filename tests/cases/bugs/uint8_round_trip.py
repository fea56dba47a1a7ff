"""Images are saved as uint8 and read back between generator and critic."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="uint8_round_trip")


@register
class ToBytes(Twin):
    def call(self, x):
        b = x * 255.0 if self.repaired else tf.cast(x * 255.0, tf.uint8)
        return tf.cast(b, tf.float32) / 255.0


def net(repaired):
    z = keras.Input((4, 4, 2), name="latent")
    g = layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid", name="gen")(z)
    h = layers.Conv2D(4, 3, activation="relu", name="critic")(ToBytes(repaired, name="bytes")(g))
    model = keras.Model({"latent": z}, layers.Dense(1, name="score")(layers.Flatten(name="flat")(h)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"latent": normal(2, 4, 4, 2), "y": normal(2, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "nondifferentiable_op",
    "culprit": {
        "input": "latent",
        "variable": "gen/kernel",
        "layer": "bytes",
        "op": "Cast",
        "line": "tf.cast(x * 255.0, tf.uint8)",
    },
    "why": "A cast to an integer type has no gradient.",
}
