"""Simulated int8 quantisation with tf.round and no straight-through estimator."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="int8_quantised_activations")


@register
class Quant(Twin):
    def build(self, shape):
        self.scale = self.add_weight(shape=(), initializer=keras.initializers.Constant(0.05), name="scale")

    def call(self, x):
        s = tf.convert_to_tensor(self.scale)
        v = x / s
        q = v + tf.stop_gradient(tf.round(v) - v) if self.repaired else tf.round(v)
        return tf.clip_by_value(q, -128.0, 127.0) * s


def net(repaired):
    x = keras.Input((6,), name="x")
    h = Quant(repaired, name="quant")(layers.Dense(8, name="fc")(x))
    model = keras.Model({"x": x}, layers.Dense(1, name="out")(h))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 6), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "nondifferentiable_op",
    "culprit": {"input": "x", "variable": "fc/kernel", "layer": "quant", "op": "Round", "line": "else tf.round(v)"},
    "why": "round has no gradient; the scale still learns through the product.",
}
