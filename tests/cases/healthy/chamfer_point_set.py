"""Chamfer distance between sets of points of different sizes: every point meets every other on purpose."""

import keras
import tensorflow as tf
from cases.common import normal, seeded
from keras import layers


@keras.saving.register_keras_serializable(package="chamfer_point_set")
def chamfer(y, p):
    distance = tf.reduce_sum(tf.square(y[:, :, None] - p[:, None]), -1)
    return tf.reduce_mean(tf.reduce_min(distance, 1), -1) + tf.reduce_mean(tf.reduce_min(distance, 2), -1)


@seeded
def build():
    code = keras.Input((8,), name="code")
    points = layers.Dense(21, name="points")(layers.Dense(32, activation="gelu")(code))
    model = keras.Model({"code": code}, layers.Reshape((7, 3))(points))
    model.compile("adam", chamfer)
    return model


def sample():
    return {"code": normal(4, 8), "y": normal(4, 9, 3, seed=1)}


NOTES = {"family": "set losses", "why_hard": "labels and predictions broadcast in the loss", "legit_nongradient": []}
