"""Ragged mean over valid steps inside a layer."""

import keras
import numpy as np
import tensorflow as tf
from cases.common import normal, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="ragged_inside_layer")


@register
class RMean(layers.Layer):
    def build(self, x_shape, n_shape):
        self.d = layers.Dense(4, name="proj")
        self.d.build(x_shape)

    def call(self, x, n):
        return tf.reduce_mean(tf.RaggedTensor.from_tensor(self.d(x), lengths=n), axis=1)

    def compute_output_shape(self, x_shape, n_shape):
        return (x_shape[0], 4)


@seeded
def build():
    x, n = keras.Input((6, 3), name="seq"), keras.Input((), dtype="int32", name="length")
    model = keras.Model({"seq": x, "length": n}, layers.Dense(1)(RMean(name="rmean")(x, n)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"seq": normal(4, 6, 3), "length": np.array([2, 6, 1, 4], "int32"), "y": normal(4, 1)}


NOTES = {"family": "ragged", "why_hard": "padded steps dropped by integer lengths", "legit_nongradient": []}
