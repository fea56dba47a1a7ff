"""Quantization-aware training: the trained bounds get no gradient while nothing is clipped."""

import keras
import tensorflow as tf
from cases.common import normal, seeded
from keras import layers


@keras.saving.register_keras_serializable(package="fake_quant_bounds")
class Quantized(layers.Layer):
    def build(self, shape):
        self.low = self.add_weight(shape=(), initializer=keras.initializers.Constant(-6.0), name="low")
        self.high = self.add_weight(shape=(), initializer=keras.initializers.Constant(6.0), name="high")

    def call(self, x):
        return tf.quantization.fake_quant_with_min_max_vars(x, self.low, self.high, 8)


@seeded
def build():
    x = keras.Input((8,), name="x")
    h = Quantized(name="quantized")(layers.Dense(16, activation="relu")(x))
    model = keras.Model({"x": x}, layers.Dense(1, name="out")(h))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 8), "y": normal(8, 1, seed=1)}


NOTES = {
    "family": "quantization",
    "why_hard": "the registered gradient is no slope",
    "legit_nongradient": [
        {"what": "variable:quantized/low", "kind": "zero", "reason": "nothing is clipped"},
        {"what": "variable:quantized/high", "kind": "zero", "reason": "nothing is clipped"},
    ],
}
