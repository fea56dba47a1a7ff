"""Top-1 mixture of 8 experts, some not chosen by this batch."""

import keras
import tensorflow as tf
from cases.common import normal, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="switch_moe_unused_experts")


@register
class Switch(layers.Layer):
    def build(self, shape):
        self.g = layers.Dense(8, use_bias=False, name="router")
        self.g.build(shape)
        self.e = [layers.Dense(shape[-1], name=f"expert{i}") for i in range(8)]
        [e.build(shape) for e in self.e]

    def call(self, x):
        p = tf.nn.softmax(self.g(x))
        i = tf.argmax(p, -1)
        w = tf.reduce_max(p, -1)
        out = tf.zeros_like(x)
        for k, e in enumerate(self.e):
            r = tf.where(i == k)
            out = tf.tensor_scatter_nd_add(out, r, e(tf.gather_nd(x, r)))
        return x + out * w[:, None]


@seeded
def build():
    x = keras.Input((6,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1)(Switch(name="switch")(x)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(6, 6), "y": normal(6, 1)}


NOTES = {
    "family": "MoE",
    "why_hard": "experts without tokens have zero gradient (empty gather)",
    "legit_nongradient": [{"what": "expert\\d/", "kind": "zero|none", "reason": "no token routed"}],
}
