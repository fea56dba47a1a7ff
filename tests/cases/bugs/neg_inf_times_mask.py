"""Additive attention mask built as (1 - mask) * -inf."""

import keras
import numpy as np
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="neg_inf_times_mask")


@register
class Pool(Twin):
    def build(self, x_shape, m_shape):
        self.s = layers.Dense(1, name="score")
        self.s.build(x_shape)

    def call(self, x, m):
        bias = (1.0 - m) * (-1e9 if self.repaired else -np.inf)
        a = tf.nn.softmax(self.s(x)[..., 0] + bias)
        return tf.einsum("bt,btd->bd", a, x)

    def compute_output_shape(self, x_shape, m_shape):
        return (x_shape[0], x_shape[2])


def net(repaired):
    x, k = keras.Input((5, 3), name="tokens"), keras.Input((5,), name="mask")
    model = keras.Model({"tokens": x, "mask": k}, layers.Dense(1, name="out")(Pool(repaired, name="pool")(x, k)))
    model.compile("adam", "mse")
    return model


def sample():
    v = np.ones((4, 5), "float32")
    v[1, 3:] = 0
    return {"tokens": normal(4, 5, 3), "mask": v, "y": normal(4, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "nonfinite_gradient",
    "culprit": {
        "variable": "score/kernel",
        "layer": "pool",
        "op": "Mul",
        "line": "bias = (1.0 - m) * (-1e9 if self.repaired else -np.inf)",
    },
    "why": "0 * -inf is NaN for every valid token.",
}
