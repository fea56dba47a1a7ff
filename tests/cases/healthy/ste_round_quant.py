"""Fake quantisation with the x + stop_gradient(round(x) - x) estimator."""

import keras
import tensorflow as tf
from cases.common import normal, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="ste_round_quant")


@register
class Quant(layers.Layer):
    def call(self, x):
        v = x * 8.0
        return (v + tf.stop_gradient(tf.round(v) - v)) / 8.0


@seeded
def build():
    x = keras.Input((6,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1)(Quant(name="quant")(layers.Dense(8, name="fc")(x))))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 6), "y": normal(8, 1)}


NOTES = {
    "family": "straight-through",
    "why_hard": "Round and StopGradient on the path, with a detour",
    "legit_nongradient": [],
}
