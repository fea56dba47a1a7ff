"""Hard attention: rows gathered at top_k indices, values of top_k thrown away."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="topk_indices_gather")


@register
class Select(Twin):
    def build(self, shape):
        self.score = layers.Dense(1, name="score")
        self.score.build(shape)

    def call(self, x):
        s = self.score(x)[..., 0]
        v, i = tf.math.top_k(s, k=2)
        rows = tf.gather(x, i, batch_dims=1)
        return rows * tf.nn.softmax(v)[..., None] if self.repaired else rows

    def compute_output_shape(self, shape):
        return (shape[0], 2, shape[2])


def net(repaired):
    x = keras.Input((7, 4), name="items")
    h = Select(repaired, name="select")(x)
    model = keras.Model({"items": x}, layers.Dense(1, name="out")(layers.Flatten(name="flat")(h)))
    model.compile("adam", "mse")
    return model


def sample():
    return {"items": normal(6, 7, 4), "y": normal(6, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "nondifferentiable_op",
    "culprit": {"variable": "score/kernel", "layer": "select", "op": "TopKV2", "line": "v, i = tf.math.top_k(s, k=2)"},
    "why": "Only the integer indices of top_k are used, so the scorer gets no gradient.",
}
