"""Hypernetwork writes its kernel with assign() and then reads the variable."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="hypernet_assign")


@register
class TaskDense(Twin):
    def build(self, shape):
        self.code = self.add_weight(shape=(1, 3), name="code", initializer="random_normal")
        self.hyper = layers.Dense(shape[-1] * 4, name="hyper")
        self.hyper.build((1, 3))
        self.kernel = self.add_weight(shape=(shape[-1], 4), name="generated", trainable=False)

    def call(self, x):
        w = tf.reshape(self.hyper(self.code), self.kernel.shape)
        if self.repaired:
            return tf.matmul(x, w)
        self.kernel.assign(w)
        return tf.matmul(x, self.kernel)

    def compute_output_shape(self, shape):
        return (shape[0], 4)


def net(repaired):
    x = keras.Input((5,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1, name="out")(TaskDense(repaired, name="taskdense")(x)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 5), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "nondifferentiable_op",
    "culprit": {"variable": "hyper/kernel", "layer": "taskdense", "line": "self.kernel.assign(w)"},
    "why": "assign() copies the value; reading the variable afterwards starts a new leaf.",
}
