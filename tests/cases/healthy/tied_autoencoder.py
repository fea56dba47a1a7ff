"""Decoder uses the transposed encoder kernel."""

import keras
from cases.common import normal, seeded
from keras import layers, ops

register = keras.saving.register_keras_serializable(package="tied_autoencoder")


@register
class Tied(layers.Layer):
    def build(self, shape):
        self.k = self.add_weight(shape=(shape[-1], 3), name="kernel", initializer="glorot_uniform")
        self.b = self.add_weight(shape=(3,), name="b", initializer="zeros")
        self.c = self.add_weight(shape=(shape[-1],), name="c", initializer="zeros")

    def call(self, x):
        return ops.matmul(ops.tanh(ops.matmul(x, self.k) + self.b), ops.transpose(self.k)) + self.c


@seeded
def build():
    x = keras.Input((8,), name="x")
    model = keras.Model({"x": x}, Tied(name="tied")(x))
    model.compile("adam", "mse")
    return model


def sample():
    x = normal(8, 8)
    return {"x": x, "y": x}


NOTES = {"family": "autoencoder", "why_hard": "one variable used twice", "legit_nongradient": []}
