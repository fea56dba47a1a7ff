"""VQ-VAE without straight-through estimator: the encoder is cut at the code lookup."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="vqvae_missing_ste")


@register
class VQ(Twin):
    def build(self, shape):
        self.book = self.add_weight(shape=(6, shape[-1]), initializer="random_normal", name="codebook")

    def call(self, z):
        d = tf.reduce_sum(tf.square(z[:, None] - self.book), -1)
        q = tf.gather(self.book, tf.argmin(d, axis=1))
        self.add_loss(tf.reduce_mean(tf.square(q - tf.stop_gradient(z))))
        return z + tf.stop_gradient(q - z) if self.repaired else q


def net(repaired):
    x = keras.Input((8,), name="x")
    model = keras.Model({"x": x}, layers.Dense(8, name="dec")(VQ(repaired, name="vq")(layers.Dense(4, name="enc")(x))))
    model.compile("adam", "mse")
    return model


def sample():
    x = normal(8, 8)
    return {"x": x, "y": x}


build, fixed = twins(net)

EXPECT = {
    "category": "nondifferentiable_op",
    "culprit": {
        "input": "x",
        "variable": "enc/kernel",
        "layer": "vq",
        "op": "ArgMin",
        "line": "q = tf.gather(self.book, tf.argmin(d, axis=1))",
    },
    "why": "The index comes from argmin; only a straight-through estimator leads back to the encoder.",
}
