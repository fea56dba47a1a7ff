"""Max over a sparse copy of the activations: no gradient kernel."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="sparse_reduce_max")


@register
class SparseMax(Twin):
    def call(self, x):
        if self.repaired:
            return tf.reduce_max(x, axis=1)
        return tf.reshape(tf.sparse.reduce_max(tf.sparse.from_dense(x), axis=1), [-1, x.shape[2]])

    def compute_output_shape(self, shape):
        return (shape[0], shape[2])


def net(repaired):
    x = keras.Input((5, 3), name="bag")
    model = keras.Model(
        {"bag": x}, layers.Dense(1, name="out")(SparseMax(repaired, name="pool")(layers.Dense(4, name="fc")(x)))
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {"bag": normal(3, 5, 3), "y": normal(3, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "nondifferentiable_op",
    "culprit": {
        "layer": "pool",
        "op": "SparseReduceMax",
        "line": "tf.sparse.reduce_max(tf.sparse.from_dense(x), axis=1)",
    },
    "why": "SparseReduceMax has no registered gradient.",
}
