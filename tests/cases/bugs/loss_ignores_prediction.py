"""Custom loss that compares the labels with themselves."""

import keras
import tensorflow as tf
from cases.common import normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="loss_ignores_prediction")


@register
def self_mse(y_true, y_pred):
    y_pred = tf.cast(y_true, tf.float32)
    return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)


def net(repaired):
    x = keras.Input((6,), name="x")
    model = keras.Model({"x": x}, layers.Dense(1, name="out")(layers.Dense(8, activation="relu", name="h")(x)))
    model.compile("adam", "mse" if repaired else self_mse)
    return model


def sample():
    return {"x": normal(8, 6), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "none_gradient",
    "culprit": {"variable": "out/kernel"},
    "why": "y_pred is overwritten in the loss: it does not depend on the model.",
}
