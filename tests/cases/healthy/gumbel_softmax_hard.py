"""Straight-through Gumbel softmax."""

import keras
import tensorflow as tf
from cases.common import normal, seeded
from keras import layers, ops

register = keras.saving.register_keras_serializable(package="gumbel_softmax_hard")


@register
class Gumbel(layers.Layer):
    def __init__(self, **k):
        super().__init__(**k)
        self.sg = keras.random.SeedGenerator(3)

    def call(self, lg):
        u = keras.random.uniform(ops.shape(lg), 1e-6, 1 - 1e-6, seed=self.sg)
        p = tf.nn.softmax((lg - tf.math.log(-tf.math.log(u))) / 0.7)
        return p + tf.stop_gradient(tf.one_hot(tf.argmax(p, -1), 5) - p)


@seeded
def build():
    x = keras.Input((6,), name="x")
    model = keras.Model({"x": x}, layers.Dense(6, name="dec")(Gumbel(name="gumbel")(layers.Dense(5, name="enc")(x))))
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 6), "y": normal(8, 6)}


NOTES = {
    "family": "straight-through",
    "why_hard": "argmax/one_hot under stop_gradient, random noise",
    "legit_nongradient": [],
}
