"""tf.image.resize(method='area') after a trainable layer has no gradient kernel."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="resize_area_downsample")


@register
class Down(Twin):
    def call(self, x):
        return tf.image.resize(x, (4, 4), method="bilinear" if self.repaired else "area")

    def compute_output_shape(self, shape):
        return (shape[0], 4, 4, shape[3])


def net(repaired):
    x = keras.Input((8, 8, 1), name="image")
    h = Down(repaired, name="down")(layers.Conv2D(3, 3, padding="same", name="c1")(x))
    model = keras.Model({"image": x}, layers.Dense(2, name="out")(layers.Flatten(name="flat")(h)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"image": normal(2, 8, 8, 1), "y": normal(2, 2)}


build, fixed = twins(net)

EXPECT = {
    "category": "nondifferentiable_op",
    "culprit": {
        "layer": "down",
        "op": "ResizeArea",
        "line": 'tf.image.resize(x, (4, 4), method="bilinear" if self.repaired else "area")',
    },
    "why": "ResizeArea has no registered gradient (LookupError).",
}
