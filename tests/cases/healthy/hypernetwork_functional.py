"""Hypernetwork whose output is used directly as kernel."""

import keras
import tensorflow as tf
from cases.common import normal, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="hypernetwork_functional")


@register
class Apply(layers.Layer):
    def call(self, x, w):
        return tf.einsum("bi,bio->bo", x, tf.reshape(w, [-1, 5, 3]))

    def compute_output_shape(self, x_shape, w_shape):
        return (x_shape[0], 3)


@seeded
def build():
    x, t = keras.Input((5,), name="x"), keras.Input((2,), name="task")
    w = layers.Dense(15, name="hyper2")(layers.Dense(8, activation="relu", name="hyper1")(t))
    model = keras.Model({"x": x, "task": t}, layers.Dense(1)(Apply(name="apply")(x, w)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 5), "task": normal(8, 2), "y": normal(8, 1)}


NOTES = {"family": "hypernetwork", "why_hard": "reshape of generated weights", "legit_nongradient": []}
