"""A custom_gradient that returns zeros_like(dy) instead of dy."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="custom_gradient_returns_zeros")


@tf.custom_gradient
def clip_grad(x):
    return tf.identity(x), lambda dy: tf.zeros_like(dy)


@tf.custom_gradient
def clip_grad_ok(x):
    return tf.identity(x), lambda dy: tf.clip_by_norm(dy, 1.0)


@register
class ClipGrad(Twin):
    def call(self, x):
        return clip_grad_ok(x) if self.repaired else clip_grad(x)


def net(repaired):
    x = keras.Input((5, 3), name="seq")
    model = keras.Model(
        {"seq": x}, layers.Dense(1, name="out")(ClipGrad(repaired, name="clipgrad")(layers.LSTM(4, name="lstm")(x)))
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {"seq": normal(4, 5, 3), "y": normal(4, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "zero_gradient",
    "culprit": {"input": "seq", "variable": "lstm_cell/kernel", "layer": "clipgrad"},
    "why": "The custom gradient is zero for every input.",
}
