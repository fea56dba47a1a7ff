"""Dynamic routing with stop_gradient on the logits."""

import keras
import numpy as np
import tensorflow as tf
from cases.common import integers, normal, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="capsule_routing")


@register
class Caps(layers.Layer):
    def build(self, shape):
        self.w = self.add_weight(shape=(shape[1], 3, shape[2], 4), name="w", initializer="glorot_uniform")

    def squash(self, v):
        n = tf.reduce_sum(v * v, -1, keepdims=True)
        return v * n / (1 + n) / tf.sqrt(n + 1e-7)

    def call(self, u):
        uh = tf.einsum("bid,ijdk->bijk", u, self.w)
        us = tf.stop_gradient(uh)
        b = tf.zeros_like(us[..., 0])
        for i in range(3):
            c = tf.nn.softmax(b, axis=2)[..., None]
            if i < 2:
                b += tf.reduce_sum(us * self.squash(tf.reduce_sum(c * us, 1))[:, None], -1)
            else:
                v = self.squash(tf.reduce_sum(c * uh, 1))
        return tf.sqrt(tf.reduce_sum(v * v, -1) + 1e-7)


@seeded
def build():
    x = keras.Input((5, 6), name="x")
    model = keras.Model({"x": x}, Caps(name="caps")(layers.Dense(6, name="prim")(x)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(6, 5, 6), "y": np.eye(3, dtype="float32")[integers(3, 6)]}


NOTES = {"family": "capsule", "why_hard": "routing iterations run on stop_gradient copies", "legit_nongradient": []}
