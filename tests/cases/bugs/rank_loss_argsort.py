"""A ranking loss on positions from argsort(argsort(scores))."""

import keras
import numpy as np
import tensorflow as tf
from cases.common import generator, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="rank_loss_argsort")


@register
class Spearman(keras.losses.Loss):
    def __init__(self, soft=False, name="spearman", reduction="sum_over_batch_size", **k):
        super().__init__(name=name, reduction=reduction)
        self.soft = soft

    def get_config(self):
        return {**super().get_config(), "soft": self.soft}

    def call(self, y, p):
        if self.soft:
            r = tf.reduce_sum(tf.sigmoid(p[:, :, None] - p[:, None, :]), -1)
        else:
            r = tf.cast(tf.argsort(tf.argsort(p)), tf.float32)
        return tf.reduce_mean(tf.square(r - y), -1)


def net(repaired):
    x = keras.Input((6, 3), name="docs")
    s = layers.Reshape((6,), name="squeeze")(
        layers.Dense(1, name="score")(layers.Dense(8, activation="relu", name="h")(x))
    )
    model = keras.Model({"docs": x}, s)
    model.compile("adam", Spearman(repaired))
    return model


def sample():
    return {"docs": normal(4, 6, 3), "y": np.stack([generator(i).permutation(6) for i in range(4)]).astype("float32")}


build, fixed = twins(net)

EXPECT = {
    "category": "nondifferentiable_op",
    "culprit": {
        "variable": "score/kernel",
        "op": "TopKV2",
        "line": "r = tf.cast(tf.argsort(tf.argsort(p)), tf.float32)",
    },
    "why": "Ranks are integers; argsort has no gradient.",
}
