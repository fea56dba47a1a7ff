"""Histogram matching loss with tf.histogram_fixed_width."""

import keras
import tensorflow as tf
from cases.common import generator, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="histogram_loss")


@register
def hard_hist(y, p):
    return tf.reduce_mean(
        tf.abs(
            tf.cast(tf.histogram_fixed_width(p, [0.0, 1.0], 8), tf.float32)
            - tf.cast(tf.histogram_fixed_width(y, [0.0, 1.0], 8), tf.float32)
        )
    )


@register
def soft_hist(y, p):
    c = tf.linspace(0.05, 0.95, 8)

    def h(v):
        return tf.reduce_sum(tf.exp(-tf.square((tf.reshape(v, [-1, 1]) - c) / 0.1)), 0)

    return tf.reduce_mean(tf.abs(h(p) - h(y)))


def net(repaired):
    x = keras.Input((8, 8, 1), name="photo")
    model = keras.Model(
        {"photo": x},
        layers.Conv2D(1, 3, padding="same", activation="sigmoid", name="tone")(
            layers.Conv2D(4, 3, padding="same", activation="relu", name="c1")(x)
        ),
    )
    model.compile("adam", soft_hist if repaired else hard_hist)
    return model


def sample():
    return {
        "photo": generator().uniform(size=(2, 8, 8, 1)).astype("float32"),
        "y": generator(1).uniform(size=(2, 8, 8, 1)).astype("float32"),
    }


build, fixed = twins(net)

EXPECT = {
    "category": "nondifferentiable_op",
    "culprit": {
        "variable": "tone/kernel",
        "op": "HistogramFixedWidth",
        "line": "tf.histogram_fixed_width(p, [0.0, 1.0], 8)",
    },
    "why": "Counting values per bin has no gradient.",
}
