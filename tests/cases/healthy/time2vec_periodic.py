"""Time2Vec features with linear and sine parts."""

import keras
import numpy as np
import tensorflow as tf
from cases.common import normal, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="time2vec_periodic")


@register
class T2V(layers.Layer):
    def build(self, shape):
        self.w = self.add_weight(shape=(1, 4), name="w", initializer="random_normal")
        self.b = self.add_weight(shape=(4,), name="b", initializer="zeros")

    def call(self, t):
        z = tf.matmul(t, self.w) + self.b
        return tf.concat([z[:, :1], tf.sin(z[:, 1:])], -1)


@seeded
def build():
    t = keras.Input((1,), name="day")
    model = keras.Model({"day": t}, layers.Dense(1)(layers.Dense(8, activation="relu")(T2V(name="t2v")(t))))
    model.compile("adam", "mse")
    return model


def sample():
    return {"day": np.arange(16, dtype="float32")[:, None] / 7, "y": normal(16, 1)}


NOTES = {"family": "features", "why_hard": "slices of a hidden vector handled differently", "legit_nongradient": []}
