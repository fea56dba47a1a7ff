"""Weight normalisation g * v / |v|."""

import keras
import tensorflow as tf
from cases.common import normal, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="weight_norm")


@register
class WN(layers.Layer):
    def build(self, shape):
        self.v = self.add_weight(shape=(shape[-1], 8), name="v", initializer="glorot_uniform")
        self.g = self.add_weight(shape=(8,), name="g", initializer="ones")

    def call(self, x):
        v = tf.convert_to_tensor(self.v)
        return tf.matmul(x, self.g * v / tf.norm(v, axis=0))


@seeded
def build():
    x = keras.Input((6,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1)(layers.ReLU()(WN(name="wn")(x))))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(16, 6), "y": normal(16, 1)}


NOTES = {"family": "normalisation", "why_hard": "norm of a weight", "legit_nongradient": []}
