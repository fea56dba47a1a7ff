"""Softmax written as exp(x) / sum(exp(x)) with large scores."""

import keras
import numpy as np
import tensorflow as tf
from cases.common import Twin, generator, integers, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="manual_softmax_overflow")


@register
class MySoftmax(Twin):
    def call(self, s):
        if self.repaired:
            s = s - tf.reduce_max(s, axis=-1, keepdims=True)
        e = tf.exp(s)
        return e / tf.reduce_sum(e, axis=-1, keepdims=True)


def net(repaired):
    x = keras.Input((4,), name="raw")
    h = layers.Dense(3, kernel_initializer=keras.initializers.RandomUniform(0.1499, 0.1501, seed=1), name="score")(x)
    model = keras.Model({"raw": x}, MySoftmax(repaired, name="softmax")(h))
    model.compile("adam", "categorical_crossentropy")
    return model


def sample():
    return {
        "raw": generator().uniform(300, 900, (6, 4)).astype("float32"),
        "y": np.eye(3, dtype="float32")[integers(3, 6)],
    }


build, fixed = twins(net)

EXPECT = {
    "category": "nonfinite_gradient",
    "culprit": {"input": "raw", "variable": "score/kernel", "layer": "softmax", "op": "Exp", "line": "e = tf.exp(s)"},
    "why": "exp overflows to inf, and inf / inf is NaN.",
}
