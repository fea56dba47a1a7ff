"""Straight-through estimator written the wrong way round: q + stop_gradient(z - q)."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="vqvae_wrong_ste")


@register
class VQ(Twin):
    def build(self, shape):
        self.book = self.add_weight(shape=(6, shape[-1]), initializer="random_normal", name="codebook")

    def call(self, z):
        d = tf.reduce_sum(tf.square(tf.stop_gradient(z)[:, None] - self.book), -1)
        q = tf.gather(self.book, tf.argmin(d, axis=1))
        self.add_loss(tf.reduce_mean(tf.square(q - tf.stop_gradient(z))))
        if self.repaired:
            return z + tf.stop_gradient(q - z)
        return q + tf.stop_gradient(z - q)


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
    "category": "stop_gradient",
    "culprit": {"input": "x", "variable": "enc/kernel", "layer": "vq", "op": "StopGradient"},
    "why": "The gradient goes to the codebook entry and never to the encoder.",
}
