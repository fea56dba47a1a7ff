"""VAE with reparameterisation and KL via add_loss."""

import keras
from cases.common import normal, seeded
from keras import layers, ops

register = keras.saving.register_keras_serializable(package="vae_add_loss")


@register
class Reparam(layers.Layer):
    def __init__(self, **k):
        super().__init__(**k)
        self.sg = keras.random.SeedGenerator(2)

    def call(self, mu, lv):
        self.add_loss(-0.5 * ops.mean(1 + lv - mu**2 - ops.exp(lv)))
        return mu + ops.exp(0.5 * lv) * keras.random.normal(ops.shape(mu), seed=self.sg)

    def compute_output_shape(self, mu_shape, lv_shape):
        return mu_shape


@seeded
def build():
    x = keras.Input((8,), name="x")
    h = layers.Dense(8, activation="relu")(x)
    z = Reparam(name="z")(layers.Dense(3, name="mu")(h), layers.Dense(3, name="logvar")(h))
    model = keras.Model({"x": x}, layers.Dense(8, name="dec")(z))
    model.compile("adam", "mse")
    return model


def sample():
    x = normal(8, 8)
    return {"x": x, "y": x}


NOTES = {"family": "VAE", "why_hard": "randomness on the path, add_loss plus compiled loss", "legit_nongradient": []}
