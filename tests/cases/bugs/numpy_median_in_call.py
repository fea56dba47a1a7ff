"""np.median on an eager tensor inside call()."""

import keras
import numpy as np
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="numpy_median_in_call")


@register
class Median(Twin):
    def call(self, x):
        if self.repaired:
            return tf.sort(x, axis=1)[:, x.shape[1] // 2]
        return tf.convert_to_tensor(np.median(np.asarray(x), axis=1).astype("float32"))

    def compute_output_shape(self, shape):
        return (shape[0], shape[2])


def net(repaired):
    x = keras.Input((5, 3), name="window")
    model = keras.Model(
        {"window": x}, layers.Dense(1, name="out")(Median(repaired, name="median")(layers.Dense(4, name="fc")(x)))
    )
    model.compile("adam", "mse", run_eagerly=not repaired)
    return model


def sample():
    return {"window": normal(4, 5, 3), "y": normal(4, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "nondifferentiable_op",
    "culprit": {"input": "window", "variable": "fc/kernel", "layer": "median"},
    "why": "NumPy leaves TensorFlow: the result is a constant (and it only runs eagerly).",
}
