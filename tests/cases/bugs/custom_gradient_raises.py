"""A custom_gradient that says 'not implemented' in its backward function."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="custom_gradient_raises")


@tf.custom_gradient
def mish_fast(x):
    def grad(dy):
        raise NotImplementedError("backward of mish_fast is not implemented")

    return x * tf.tanh(tf.nn.softplus(x)), grad


@register
class Mish(Twin):
    def call(self, x):
        return x * tf.tanh(tf.nn.softplus(x)) if self.repaired else mish_fast(x)


def net(repaired):
    x = keras.Input((6,), name="x")
    model = keras.Model(
        {"x": x}, layers.Dense(1, name="out")(Mish(repaired, name="mish")(layers.Dense(8, name="fc")(x)))
    )
    model.compile("adam", "mse")
    return model


def sample():
    return {"x": normal(8, 6), "y": normal(8, 1)}


build, fixed = twins(net)

EXPECT = {
    "category": "nondifferentiable_op",
    "culprit": {"layer": "mish"},
    "why": "The backward function of the custom gradient raises.",
}
