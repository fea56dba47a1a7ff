"""The number of loop steps is computed from a trainable weight."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="learned_loop_count")


@register
class Ponder(Twin):
    def build(self, shape):
        self.depth = self.add_weight(shape=(), initializer=keras.initializers.Constant(2.7), name="depth")
        self.f = layers.Dense(shape[-1], activation="tanh", name="f")
        self.f.build(shape)

    def call(self, x):
        d = tf.convert_to_tensor(self.depth)
        if self.repaired:
            return d * self.f(self.f(x)) + x
        n = tf.cast(tf.nn.softplus(d), tf.int32)
        return tf.while_loop(lambda i, h: i < n, lambda i, h: (i + 1, self.f(h)), (0, x))[1]


def net(repaired):
    x = keras.Input((4,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1, name="out")(Ponder(repaired, name="ponder")(x)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(5, 4), "y": normal(5, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "nondifferentiable_op",
    "culprit": {
        "variable": "ponder/depth",
        "layer": "ponder",
        "op": "Cast",
        "line": "n = tf.cast(tf.nn.softplus(d), tf.int32)",
    },
    "why": "The loop count is an integer: depth gets no gradient.",
}
