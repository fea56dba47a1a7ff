"""py_function whose body calls .numpy(): the tape loses the path inside it."""

import keras
import numpy as np
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="py_function_numpy_inside")


@register
class Log1p(Twin):
    def call(self, x):
        if self.repaired:
            return tf.math.log1p(tf.abs(x))
        y = tf.py_function(lambda a: np.log1p(np.abs(a.numpy())), [x], tf.float32)
        return tf.ensure_shape(y, x.shape)

    def compute_output_shape(self, shape):
        return shape


def net(repaired):
    x = keras.Input((6,), name="spectrum")
    h = Log1p(repaired, name="compress")(layers.Dense(6, name="mel")(x))
    model = keras.Model({"spectrum": x}, layers.Dense(2, name="out")(h))
    model.compile("adam", "mse")
    return model


def sample():
    return {"spectrum": normal(4, 6), "y": normal(4, 2)}


build, fixed = twins(net)

EXPECT = {
    "category": "nondifferentiable_op",
    "culprit": {
        "input": "spectrum",
        "variable": "mel/kernel",
        "layer": "compress",
        "op": "EagerPyFunc",
        "line": "y = tf.py_function(",
    },
    "why": "Inside the py_function the values become NumPy arrays: its gradient is zero or absent.",
}
