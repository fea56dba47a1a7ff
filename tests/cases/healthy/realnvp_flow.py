"""RealNVP coupling layers trained by add_loss of the negative log-likelihood."""

import keras
import tensorflow as tf
from cases.common import normal, seeded
from keras import layers

register = keras.saving.register_keras_serializable(package="realnvp_flow")


@register
class Coupling(layers.Layer):
    def __init__(self, flip=False, **k):
        super().__init__(**k)
        self.flip = flip

    def get_config(self):
        return {**super().get_config(), "flip": self.flip}

    def build(self, shape):
        d = shape[-1] // 2
        self.h = layers.Dense(8, activation="tanh", name="h")
        self.o = layers.Dense(2 * d, name="st", kernel_initializer=keras.initializers.RandomNormal(stddev=0.05))
        self.h.build((None, d))
        self.o.build((None, 8))

    def call(self, x):
        a, b = tf.split(x, 2, -1)
        if self.flip:
            a, b = b, a
        s, t = tf.split(self.o(self.h(a)), 2, -1)
        s = tf.tanh(s)
        b = b * tf.exp(s) + t
        self.add_loss(-tf.reduce_mean(tf.reduce_sum(s, -1)))
        return tf.concat([b, a] if self.flip else [a, b], -1)


@register
class Prior(layers.Layer):
    def call(self, z):
        self.add_loss(tf.reduce_mean(tf.reduce_sum(0.5 * z * z, -1)))
        return z


@seeded
def build():
    x = keras.Input((6,), name="x")
    h = x
    for i in range(4):
        h = Coupling(bool(i % 2), name=f"coupling{i}")(h)
    model = keras.Model({"x": x}, Prior(name="prior")(h))
    model.compile("adam")
    return model


def sample():
    return {"x": normal(16, 6)}


NOTES = {"family": "flow", "why_hard": "all the loss is in add_loss; no labels", "legit_nongradient": []}
