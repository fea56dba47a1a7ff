"""scikit-style score computed in a py_function as the loss."""

import keras
import numpy as np
import tensorflow as tf
from cases.common import integers, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="accuracy_py_function_loss")


@register
def score_loss(y, p):
    def score(a, b):
        return np.float32(1.0 - np.mean((b.numpy() > 0.5) == (a.numpy() > 0.5)))

    s = tf.py_function(score, [y, p], tf.float32)
    return tf.reshape(s, [])


def net(repaired):
    x = keras.Input((6,), name="x")
    model = keras.Model(
        {"x": x}, layers.Dense(1, activation="sigmoid", name="prob")(layers.Dense(8, activation="relu", name="h")(x))
    )
    model.compile("adam", "binary_crossentropy" if repaired else score_loss)
    return model


def sample():
    return {"x": normal(8, 6), "y": integers(2, 8, 1).astype("float32")}


build, fixed = twins(net)

EXPECT = {
    "category": "nondifferentiable_op",
    "culprit": {
        "variable": "prob/kernel",
        "op": "EagerPyFunc",
        "line": "s = tf.py_function(score, [y, p], tf.float32)",
    },
    "why": "A score computed by NumPy has no gradient.",
}
