"""Batch-hard triplet loss on class labels inside compute_loss."""

import keras
import numpy as np
import tensorflow as tf
from cases.common import normal, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="triplet_semihard")


@register
class Trip(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        e = tf.math.l2_normalize(y_pred, -1)
        d = 2.0 - 2.0 * tf.matmul(e, e, transpose_b=True)
        y = tf.reshape(y, [-1])
        same = tf.cast(y[:, None] == y[None], d.dtype)
        hp = tf.reduce_max(d * same, 1)
        hn = tf.reduce_min(d + 9.0 * same, 1)
        return tf.reduce_mean(tf.nn.relu(hp - hn + 0.5))


@seeded
def build():
    x = keras.Input((6,), name="x")
    model = Trip({"x": x}, layers.Dense(4, name="embed")(layers.Dense(8, activation="relu")(x)))
    model.compile("adam")
    return model


def sample():
    return {"x": normal(12, 6), "y": (np.arange(12) % 3).astype("int32")}


NOTES = {
    "family": "metric learning",
    "why_hard": "batch pairs in the loss (not a leak), labels (B,) against embeddings (B, 4)",
    "legit_nongradient": [],
}
