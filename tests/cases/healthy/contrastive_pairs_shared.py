"""Siamese pairs with a contrastive loss and an epsilon under the root."""

import keras
import tensorflow as tf
from cases.common import integers, normal, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="contrastive_pairs_shared")


@register
def contrastive(y, d):
    return tf.reduce_mean(y * tf.square(d) + (1 - y) * tf.square(tf.maximum(1.0 - d, 0.0)), -1)


@register
class Dist(layers.Layer):
    def call(self, a, b):
        return tf.sqrt(tf.reduce_sum(tf.square(a - b), -1, keepdims=True) + 1e-7)

    def compute_output_shape(self, a_shape, b_shape):
        return (a_shape[0], 1)


@seeded
def build():
    e = keras.Sequential([keras.Input((6,)), layers.Dense(8, activation="relu"), layers.Dense(4)], name="encoder")
    a, b = keras.Input((6,), name="left"), keras.Input((6,), name="right")
    model = keras.Model({"left": a, "right": b}, Dist(name="dist")(e(a), e(b)))
    model.compile("adam", contrastive)
    return model


def sample():
    right = normal(8, 6, seed=1)
    left = normal(8, 6)
    right[2] = left[2]
    return {"left": left, "right": right, "y": integers(2, 8, 1).astype("float32")}


NOTES = {
    "family": "metric learning",
    "why_hard": "the last bias cancels in the difference; one pair is identical",
    "legit_nongradient": [{"what": "dense_1/bias|bias", "kind": "tiny|zero", "reason": "f(a) - f(b)"}],
}
