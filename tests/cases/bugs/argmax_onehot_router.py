"""Hard routing: one_hot(argmax(scores)) selects an expert, so the router never learns."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="argmax_onehot_router")


@register
class Router(Twin):
    def build(self, shape):
        self.score = layers.Dense(3, name="score")
        self.score.build(shape)
        self.w = self.add_weight(shape=(3, shape[-1], 4), name="experts")

    def call(self, x):
        s = self.score(x)
        gate = tf.nn.softmax(s) if self.repaired else tf.one_hot(tf.argmax(s, axis=-1), 3)
        return tf.einsum("be,bd,edf->bf", gate, x, self.w)


def net(repaired):
    x = keras.Input((5,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1, name="out")(Router(repaired, name="router")(x)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(16, 5), "y": normal(16, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "nondifferentiable_op",
    "culprit": {
        "variable": "score/kernel",
        "layer": "router",
        "op": "ArgMax",
        "line": "tf.one_hot(tf.argmax(s, axis=-1), 3)",
    },
    "why": "argmax has no gradient: the router's scores never influence the loss differentiably.",
}
