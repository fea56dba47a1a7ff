"""The generator's adversarial loss reuses the discriminator's output on the detached fake."""

import keras
import tensorflow as tf
from cases.common import Twin, normal, twins
from keras import layers

register = keras.saving.register_keras_serializable(package="gan_generator_detached")


@register
class Pair(Twin):
    def build(self, z_shape, real_shape):
        zs, rs = z_shape, real_shape
        self.gen = layers.Dense(rs[-1], name="gen")
        self.gen.build(zs)
        self.disc = layers.Dense(1, name="disc")
        self.disc.build(rs)

    def call(self, z, real):
        fake = self.gen(z)
        d_real, d_fake = self.disc(real), self.disc(tf.stop_gradient(fake))
        g_score = self.disc(fake) if self.repaired else d_fake
        self.add_loss(
            tf.reduce_mean(tf.nn.softplus(-d_real) + tf.nn.softplus(d_fake)) + tf.reduce_mean(tf.nn.softplus(-g_score))
        )
        return g_score

    def compute_output_shape(self, z_shape, real_shape):
        return (z_shape[0], 1)


def net(repaired):
    z, r = keras.Input((4,), name="noise"), keras.Input((6,), name="real")
    model = keras.Model({"noise": z, "real": r}, Pair(repaired, name="gan")(z, r))
    model.compile("adam")
    return model


def sample():
    return {"noise": normal(8, 4), "real": normal(8, 6)}


build, fixed = twins(net)

EXPECT = {
    "category": "stop_gradient",
    "culprit": {
        "input": "noise",
        "variable": "gen/kernel",
        "layer": "gan",
        "op": "StopGradient",
        "line": "self.disc(tf.stop_gradient(fake))",
    },
    "why": "The generator is judged through the detached sample.",
}
