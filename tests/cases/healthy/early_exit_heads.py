"""Two exits; the deep one weighs by confidence under stop_gradient."""

import keras
import tensorflow as tf
from cases.common import integers, normal, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="early_exit_heads")


@register
class Exit(layers.Layer):
    def call(self, p1, p2):
        c = tf.stop_gradient(tf.cast(tf.reduce_max(p1, -1, keepdims=True) > 0.6, p1.dtype))
        return c * p1 + (1 - c) * p2

    def compute_output_shape(self, p1_shape, p2_shape):
        return p1_shape


@seeded
def build():
    x = keras.Input((8,), name="x")
    h = layers.Dense(8, activation="relu")(x)
    e1 = layers.Dense(3, activation="softmax", name="exit1")(h)
    e2 = layers.Dense(3, activation="softmax", name="exit2")(layers.Dense(8, activation="relu")(h))
    model = keras.Model({"x": x}, {"exit1": e1, "exit2": e2, "final": Exit(name="final")(e1, e2)})
    model.compile(
        "adam", {"exit1": "sparse_categorical_crossentropy", "exit2": "sparse_categorical_crossentropy", "final": None}
    )
    return model


def sample():
    return {"x": normal(12, 8), "y:exit1": integers(3, 12), "y:exit2": integers(3, 12)}


NOTES = {
    "family": "multi-output",
    "why_hard": "hard decision in an output that has no loss and no weights of its own",
    "legit_nongradient": [],
}
