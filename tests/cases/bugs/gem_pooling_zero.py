"""Generalised-mean pooling: pow(mean(x^p), 1/p) of feature maps that are all zero."""

import keras
import numpy as np
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="gem_pooling_zero")


@register
class GeM(Twin):
    def build(self, shape):
        self.p = self.add_weight(shape=(), initializer=keras.initializers.Constant(3.0), name="p")

    def call(self, x):
        if self.repaired:
            x = tf.maximum(x, 1e-6)
        m = tf.reduce_mean(tf.pow(x, self.p), axis=[1, 2])
        return tf.pow(m, 1.0 / self.p)

    def compute_output_shape(self, shape):
        return (shape[0], shape[3])


def net(repaired):
    x = keras.Input((6, 6, 1), name="image")
    h = layers.Conv2D(4, 3, activation="relu", name="conv")(x)
    model = keras.Model({"image": x}, layers.Dense(2, name="out")(GeM(repaired, name="gem")(h)))
    model.compile("adam", "mse")
    return model


def sample():
    x = np.abs(normal(3, 6, 6, 1))
    x[1] = 0
    return {"image": x, "y": normal(3, 2)}


build, fixed = twins(net)

EXPECT = {
    "category": "nonfinite_gradient",
    "culprit": {"variable": "conv/kernel", "layer": "gem", "op": "Pow", "line": "return tf.pow(m, 1.0 / self.p)"},
    "why": "The root of an all-zero channel has an infinite slope.",
}
